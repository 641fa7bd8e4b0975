import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {looks, violations} from './axe';
import {damageFile, type Damage} from './damage';
import {choose, launch, save, settled, type App} from './page.mjs';
import {fileHash, guestHash, makeImage, qemuCheck, withFolder} from './qemu';

/** For what the core has to work out. */
const patient = {timeout: 60_000};

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const region = (page: Page): Locator => page.getByRole('region', {name: 'Plan'});
const kind = (page: Page, title: string): Locator => region(page).locator('.choices > ul > li').filter({hasText: title});

/** Two leaked clusters that are no neighbours: two findings. */
const twoLeaks: Damage = async (image) => {
  const {size} = await image.file.stat();
  const first = Math.ceil(size / image.clusterSize);
  await image.put((first + 3) * image.clusterSize - 1, Buffer.alloc(1));
  const refblock = Number(await image.u64(image.reftable));
  for (const cluster of [first, first + 2]) {
    await image.put(refblock + cluster * 2, Buffer.from([0, 1]));
  }
};

/** The first two guest clusters are said to be marked free, and two clusters leak. */
const lostAndLeaked: Damage = async (image) => {
  await twoLeaks(image);
  const refblock = Number(await image.u64(image.reftable));
  const l2 = Number((await image.u64(image.l1)) & 0x00ff_ffff_ffff_fe00n);
  const host = Number((await image.u64(l2 + 9 * image.entrySize)) & 0x00ff_ffff_ffff_fe00n);
  await image.put(refblock + (host / image.clusterSize) * 2, Buffer.alloc(2));
};

/** The entry of a guest cluster that no snapshot shares points between clusters. */
const unaligned: Damage = async (image) => {
  const l2 = Number((await image.u64(image.l1)) & 0x00ff_ffff_ffff_fe00n);
  const at = l2 + 2 * image.entrySize;
  const entry = Buffer.alloc(8);
  entry.writeBigUInt64BE((await image.u64(at)) | 0x200n);
  await image.put(at, entry);
};

/** An L2 table with bytes that can be no entries; there is nothing to put in its place. */
const garbageTable: Damage = async (image) => {
  const l2 = Number((await image.u64(image.l1)) & 0x00ff_ffff_ffff_fe00n);
  const bytes = Buffer.alloc(image.clusterSize);
  let seed = 7;
  for (let i = 0; i < bytes.length; i++) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    bytes[i] = seed >> 16;
  }
  await image.put(l2, bytes);
};

/** The active L2 table is wiped: what it mapped looks like leaks, and is not. */
const wipedTable: Damage = async (image) => {
  const l2 = Number((await image.u64(image.l1)) & 0x00ff_ffff_ffff_fe00n);
  await image.put(l2, Buffer.alloc(image.clusterSize));
};

async function withDamaged(damage: Damage, use: (page: Page, image: string, trouble: string[]) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    await damageFile(image, damage);
    const {page, trouble} = await app.open();
    await choose(page, image);
    await page.getByRole('button', {name: 'Repair', exact: true}).click();
    await region(page).locator('.plan:not(.stale)').waitFor();
    await use(page, image, trouble);
    await page.context().close();
  });
}

/** Waits until the plan that is shown is the one that was asked for last. */
async function planned(page: Page): Promise<void> {
  await expect.poll(() => region(page).locator('.plan:not(.stale)').count(), patient).toBe(1);
}

async function apply(page: Page): Promise<void> {
  await page.getByRole('button', {name: 'Apply repair', exact: true}).click();
  await page.getByRole('button', {name: 'Undo', exact: true}).waitFor();
  await settled(page);
}

test('a kind that is left stays, and the rest is mended: judged by qemu-img', async () => {
  await withDamaged(lostAndLeaked, async (page, image, trouble) => {
    const leaks = kind(page, 'Space is marked as used');
    await leaks.getByRole('checkbox').uncheck();
    await expect.poll(() => leaks.innerText(), patient).toContain('Left as you chose');
    await planned(page);
    await apply(page);
    const saved = `${image}.saved`;
    await save(page, saved);
    expect(await qemuCheck(saved)).toEqual({exit: 3, corruptions: 0, leaks: 2});
    expect(trouble).toEqual([]);
  });
});

test('one of several findings is left by the keyboard: judged by qemu-img; undo and choose again', async () => {
  await withDamaged(twoLeaks, async (page, image, trouble) => {
    const before = await fileHash(image);
    const guest = await guestHash(image);
    const leaks = kind(page, 'Space is marked as used');
    await leaks.getByRole('button', {name: /Choose single ones/}).click();
    const list = leaks.getByRole('listbox');
    await expect.poll(() => list.getByRole('option').first().innerText(), patient).toContain('refcount[');
    await list.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Space');
    await expect.poll(() => list.getByRole('option').nth(1).getAttribute('aria-checked')).toBe('false');
    expect(await list.getByRole('option').first().getAttribute('aria-checked')).toBe('true');
    await expect.poll(() => leaks.innerText(), patient).toContain('Goes in part: 1 finding left');
    expect(await leaks.getByRole('checkbox').evaluate((box: HTMLInputElement) => box.indeterminate)).toBe(true);
    await planned(page);
    await apply(page);
    const one = `${image}.one`;
    await save(page, one);
    expect(await qemuCheck(one)).toEqual({exit: 3, corruptions: 0, leaks: 1});

    await page.getByRole('button', {name: 'Undo', exact: true}).click();
    await page.getByRole('button', {name: 'Apply repair', exact: true}).waitFor();
    expect(await settled(page)).toMatchObject({exit: '3'});
    await leaks.getByRole('checkbox').check();
    await expect.poll(() => leaks.innerText(), patient).toContain('Goes with this plan');
    await planned(page);
    await apply(page);
    const all = `${image}.all`;
    await save(page, all);
    expect(await qemuCheck(all)).toEqual({exit: 0, corruptions: 0, leaks: 0});
    expect(await guestHash(all)).toBe(guest);
    expect(await fileHash(image)).toBe(before);
    expect(trouble).toEqual([]);
  });
});

test('the choice can be made at the finding itself', async () => {
  await withDamaged(twoLeaks, async (page, image) => {
    await page.keyboard.press('n');
    const detail = page.getByRole('article', {name: 'Selected finding'});
    await expect.poll(() => detail.innerText(), patient).toContain('refcount stored');
    const which = await page.getByRole('region', {name: 'Findings'}).locator('.steps').innerText();
    expect(which).toContain('Finding 1 of');
    await detail.getByRole('checkbox', {name: 'Leave this one as it is'}).check();
    await expect.poll(() => kind(page, 'Space is marked as used').innerText(), patient).toContain('Goes in part: 1 finding left');
    await planned(page);
    await apply(page);
    await save(page, `${image}.saved`);
    expect(await qemuCheck(`${image}.saved`)).toEqual({exit: 3, corruptions: 0, leaks: 1});
  });
});

test('what goes although it was to be left is said, and why', async () => {
  await withDamaged(unaligned, async (page, image, trouble) => {
    const row = kind(page, 'Two places of the disk share one cluster').or(kind(page, 'Clusters have more users')).first();
    await row.getByRole('checkbox').uncheck();
    await expect.poll(() => row.innerText(), patient).toMatch(/Goes all the same, because it was a consequence of what the plan mends: .+\./);
    await planned(page);
    await apply(page);
    await save(page, `${image}.saved`);
    expect(await qemuCheck(`${image}.saved`)).toEqual({exit: 0, corruptions: 0, leaks: 0});
    expect(trouble).toEqual([]);
  });
});

test('what the guest reads after the plan is said before it is applied, and verified after', async () => {
  await withDamaged(lostAndLeaked, async (page) => {
    await expect.poll(() => region(page).locator('.effect').innerText(), patient).toContain('The same as before, byte for byte.');
    const map = page.getByRole('region', {name: 'Map', exact: true});
    await expect.poll(() => map.innerText(), patient).toContain('What the plan writes to has a corner on the map of the file: 1 cluster.');
    await apply(page);
    await expect.poll(() => map.innerText(), patient).toContain('What was changed has a corner');
    await page.getByRole('button', {name: 'Verify', exact: true}).click();
    await expect.poll(() => region(page).locator('.verify').innerText(), patient).toContain('Verified: nothing is wrong any more.');
    const row = (name: string) => region(page).locator('.verify tr').filter({hasText: name}).innerText();
    expect(await row('Leaked clusters')).toMatch(/2\s+0$/);
    expect(await row('Exit code')).toMatch(/2\s+0$/);
  });
});

test('what gives something up is asked for twice, and named', async () => {
  await withDamaged(garbageTable, async (page, image, trouble) => {
    const consents = region(page).locator('.consents');
    const box = consents.getByRole('checkbox').filter({visible: true}).first();
    expect(await box.isChecked()).toBe(false);
    expect(await region(page).locator('.given-up').count()).toBe(0);
    await consents.locator('label').filter({hasText: 'overwritten with something else'}).getByRole('checkbox').check();
    const named = region(page).getByRole('group', {name: 'What this plan gives up'});
    await named.waitFor();
    await planned(page);
    expect(await named.innerText()).toContain('reads as empty');
    expect(await region(page).locator('.effect').innerText()).not.toContain('The same as before');
    const button = page.getByRole('button', {name: 'Apply repair', exact: true});
    expect(await button.isDisabled()).toBe(true);
    expect(await violations(page)).toEqual([]);
    await named.getByRole('checkbox').check();
    expect(await button.isDisabled()).toBe(false);
    await apply(page);
    await save(page, `${image}.saved`);
    expect((await qemuCheck(`${image}.saved`)).corruptions).toBe(0);
    expect(trouble).toEqual([]);
  });
});

test('a lost mapping is said before all else, and nothing of it is given back', async () => {
  await withDamaged(wipedTable, async (page, image, trouble) => {
    const guard = region(page).getByRole('note', {name: 'Lost mapping'});
    expect(await guard.innerText()).toContain('Do not run qemu-img check -r on this file');
    expect(await guard.innerText()).toContain('Nothing that looks unused is freed.');
    const top = await guard.boundingBox();
    const chooser = await region(page).locator('.scopes').boundingBox();
    expect(top?.y).toBeLessThan(chooser?.y ?? 0);
    await guard.getByRole('button', {name: 'Where is it?'}).click();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('findings');
    const {leaks} = await qemuCheck(image);
    expect(leaks).toBeGreaterThan(0);
    if ((await page.getByRole('button', {name: 'Apply repair', exact: true}).count()) === 1) {
      await apply(page);
      await save(page, `${image}.saved`);
      expect((await qemuCheck(`${image}.saved`)).leaks).toBe(leaks);
    }
    expect(trouble).toEqual([]);
  });
});

test.each(looks(2))('choosing breaks no accessibility rule: $width px, $colorScheme', async ({width, colorScheme}) => {
  await withDamaged(twoLeaks, async (page) => {
    await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
    await page.setViewportSize({width, height: 844});
    const leaks = kind(page, 'Space is marked as used');
    await leaks.getByRole('button', {name: /Choose single ones/}).click();
    await expect.poll(() => leaks.getByRole('option').first().innerText(), patient).toContain('refcount[');
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
});
