import {execFileSync} from 'node:child_process';
import {open, stat} from 'node:fs/promises';
import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {looks, violations} from './axe';
import {choose, launch, settled, type App} from './page.mjs';
import {qemuImg, qemuIo, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const MIB = 1 << 20;
const layersOf = (page: Page): Locator => page.getByRole('region', {name: 'Layers', exact: true});
const snapshotsOf = (page: Page): Locator => layersOf(page).getByRole('table').filter({hasText: 'Deleting frees'});

/** An image with a backing file, two snapshots that share clusters, and a bitmap with two dirty ranges. */
async function layered(folder: string): Promise<string> {
  const image = path.join(folder, 'disk.qcow2');
  const base = path.join(folder, 'base.raw');
  await qemuImg('create', '-q', '-f', 'raw', base, '32M');
  execFileSync('qemu-io', ['-f', 'raw', '-c', 'write -P 0x41 0 8M', base]);
  await qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', image, '64M');
  await qemuIo(image, 'write -P 1 1M 16M');
  await qemuImg('snapshot', '-c', 'one', image);
  await qemuIo(image, 'write -P 2 4M 8M');
  await qemuImg('snapshot', '-c', 'two', image);
  await qemuImg('bitmap', '--add', image, 'backup');
  await qemuIo(image, 'write -P 3 1M 12M', 'write -P 4 40M 1M');
  return image;
}

/** Opens an image and goes to the part by its key. */
async function layersIn(page: Page, image: string): Promise<void> {
  await choose(page, image);
  await page.keyboard.press('6');
  await layersOf(page).getByRole('heading', {name: /^Why is this file/}).waitFor();
}

/** How many clusters QEMU has in use. */
async function inUse(image: string): Promise<number> {
  const file = await open(image);
  const size = (await stat(image)).size;
  const bytes = Buffer.alloc(size);
  await file.read(bytes, 0, size, 0);
  await file.close();
  const cluster = 1 << bytes.readUInt32BE(20);
  const table = Number(bytes.readBigUInt64BE(48));
  let used = 0;
  for (let entry = table; entry < table + bytes.readUInt32BE(56) * cluster; entry += 8) {
    const block = Number(bytes.readBigUInt64BE(entry));
    for (let at = block; block !== 0 && at < block + cluster; at += 2) {
      used += bytes.readUInt16BE(at) > 0 ? 1 : 0;
    }
  }
  return used;
}

test('what deleting snapshots frees is what QEMU frees', async () => {
  await withFolder(async (folder) => {
    const image = await layered(folder);
    const {page, trouble} = await app.open();
    await layersIn(page, image);
    const total = layersOf(page).getByRole('status').filter({hasText: 'would free'});
    const before = await inUse(image);
    for (const chosen of [['one'], ['one', 'two']]) {
      await page.getByLabel(`Count snapshot ${chosen.length} as deleted`).check();
      await expect.poll(() => total.innerText()).toContain(`${chosen.length} chosen snapshot`);
      const said = /, ([\d,]+) clusters?\./.exec(await total.innerText())?.[1]?.replaceAll(',', '');
      const copy = path.join(folder, 'copy.qcow2');
      execFileSync('cp', [image, copy]);
      for (const name of chosen) {
        await qemuImg('snapshot', '-d', name, copy);
      }
      expect(Number(said)).toBe(before - (await inUse(copy)));
    }
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('the steps lead from the disk to the file, and the dirty ranges are those that were written', async () => {
  await withFolder(async (folder) => {
    const image = await layered(folder);
    const {page, trouble} = await app.open();
    await layersIn(page, image);
    const falls = layersOf(page).getByRole('table', {name: 'From the size of the disk to that of the file'});
    expect(await falls.getByRole('row', {name: /The disk, as the guest sees it/}).innerText()).toContain('64 MiB');
    expect(await falls.getByRole('row', {name: /kept for snapshots only/}).innerText()).toContain('+');
    expect(await falls.getByRole('row', {name: /^The file/}).innerText()).toMatch(new RegExp(`${Math.floor((await stat(image)).size / MIB)}\\.?\\d* MiB`));
    await layersOf(page).getByText('Dirty ranges').click();
    const ranges = layersOf(page).getByRole('group', {name: 'Dirty ranges'}).getByRole('row');
    await expect.poll(() => ranges.allInnerTexts()).toEqual([
      expect.stringContaining('From'),
      expect.stringMatching(/0x100000\s+12 MiB/),
      expect.stringMatching(/0x2800000\s+1 MiB/),
    ]);
    await layersOf(page).getByRole('button', {name: 'Show on the map what bitmap 1 marks'}).click();
    await page.keyboard.press('t');
    const runs = page.getByRole('region', {name: 'Guest map'}).getByRole('row').filter({hasText: 'Dirty'});
    await expect.poll(() => runs.allInnerTexts()).toEqual([
      expect.stringMatching(/0x100000\s+12 MiB\s+192\s/),
      expect.stringMatching(/0x2800000\s+1 MiB\s+16\s/),
    ]);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('the parent is given, read through, refused when it does not fit, and taken out', async () => {
  await withFolder(async (folder) => {
    const image = await layered(folder);
    const {page, trouble, requests} = await app.open();
    await layersIn(page, image);
    const part = layersOf(page);
    const before = requests.length;
    expect(await part.innerText()).toContain('comes from the file that is not given');
    expect(await part.innerText()).toContain('The name is absolute');
    await part.getByLabel('Choose the backing file').setInputFiles(path.join(folder, 'base.raw'));
    await part.getByText('Given: base.raw').waitFor();
    await part.getByText('Read the disk as the guest does').click();
    const bytes = part.getByRole('group', {name: 'Bytes of the disk'});
    await expect.poll(() => bytes.innerText()).toMatch(/^0{12} {2}(41 ){15}41 {2}A{16}/);
    await part.getByLabel('At guest offset').fill('0x100000');
    await part.getByRole('button', {name: 'Read', exact: true}).click();
    await expect.poll(() => bytes.innerText()).toMatch(/^0{6}100000 {2}(03 ){15}03/);
    await part.getByRole('button', {name: 'Take out base.raw'}).click();
    await part.getByLabel('Choose the backing file').waitFor({state: 'attached'});
    const elsewhere = requests.slice(before).filter(({url, method, body}) => !url.startsWith(app.url) || method !== 'GET' || body !== '');
    expect(elsewhere, 'nothing leaves the page').toEqual([]);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('a parent that was opened together with its image is offered', async () => {
  await withFolder(async (folder) => {
    const image = await layered(folder);
    const child = path.join(folder, 'child.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', child);
    const {page, trouble} = await app.open();
    await page.getByLabel('Choose image').setInputFiles([child, image]);
    await page.getByRole('button', {name: 'child.qcow2', exact: true}).waitFor();
    await settled(page);
    await page.keyboard.press('6');
    await layersOf(page).getByRole('button', {name: `Use the ${path.basename(image)} that is open here`}).click();
    await layersOf(page).getByText(`Given: ${path.basename(image)}`).waitFor();
    expect(await layersOf(page).getByRole('heading', {level: 4}).allInnerTexts()).toEqual([
      expect.stringContaining('child.qcow2'),
      expect.stringContaining(path.basename(image)),
    ]);
    expect(await page.getByRole('button', {name: /that is open here/}).count(), 'its own parent is not open').toBe(0);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('a chain that would never end is refused', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await qemuImg('create', '-q', '-u', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', image, '1M');
    const {page, trouble} = await app.open();
    await layersIn(page, image);
    await layersOf(page).getByLabel('Choose the backing file').setInputFiles(image);
    await layersOf(page).getByText('the chain would never end').waitFor();
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

const BELL = '\u0007';
const NASTY = ['<img src=x onerror=alert(1)>', 'a\u202eb\u2066c', '"><script>alert(1)</script>', `${BELL}bell`, "'--"];

test('names are text, whatever they hold', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    const outside = '/tmp/<b>bold</b>\u202egpj.exe';
    await qemuImg('create', '-q', '-f', 'qcow2', image, '4M');
    for (const name of NASTY) {
      await qemuImg('snapshot', '-c', name, image);
      await qemuImg('bitmap', '--add', image, name);
    }
    await qemuImg('rebase', '-u', '-f', 'qcow2', '-b', outside, '-F', 'raw', image);
    const {page, trouble} = await app.open();
    await layersIn(page, image);
    const part = layersOf(page);
    await snapshotsOf(page).waitFor();
    expect(await part.locator('img, script, b').count()).toBe(0);
    const text = await part.innerText();
    for (const hidden of ['\u202e', '\u2066', BELL]) {
      expect(text).not.toContain(hidden);
    }
    for (const name of [...NASTY, outside]) {
      const shown = name.replaceAll('\u202e', '\u27e8U+202E\u27e9').replaceAll('\u2066', '\u27e8U+2066\u27e9').replaceAll(BELL, '\u2407');
      expect(text).toContain(shown);
    }
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('on a phone one line stands between two sizes, and the title of the header stays whole', async () => {
  await withFolder(async (folder) => {
    const {page} = await app.open();
    await page.setViewportSize({width: 390, height: 844});
    await layersIn(page, await layered(folder));
    const sizes = layersOf(page).locator('table.falls');
    expect(await sizes.locator('tbody').count()).toBe(2);
    const lines = await sizes.locator('tr > *').evaluateAll((cells) => cells.map((cell) => getComputedStyle(cell).borderTopWidth));
    expect(new Set(lines)).toEqual(new Set(['0px']));
    const title = layersOf(page).getByRole('heading', {name: 'Header and extensions'});
    expect(await title.evaluate((h) => h.getBoundingClientRect().height / parseFloat(getComputedStyle(h).lineHeight))).toBeLessThan(1.5);
    await page.context().close();
  });
});

describe.each(looks(3))('$colorScheme, $width px wide', ({colorScheme, width}) => {
  test('no accessibility rule is broken, nothing is wider than the page, and all works by keyboard', async () => {
    await withFolder(async (folder) => {
      const image = await layered(folder);
      const {page} = await app.open();
      await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
      await page.setViewportSize({width, height: 900});
      await layersIn(page, image);
      await snapshotsOf(page).waitFor();
      const box = page.getByLabel('Count snapshot 1 as deleted');
      await box.focus();
      await page.keyboard.press('Space');
      expect(await box.isChecked()).toBe(true);
      for (const fold of ['Dirty ranges', 'Read the disk as the guest does', 'Header and extensions']) {
        await layersOf(page).locator('summary', {hasText: fold}).focus();
        await page.keyboard.press('Enter');
      }
      await layersOf(page).getByRole('group', {name: 'Header and extensions'}).waitFor();
      await layersOf(page).getByRole('group', {name: 'Bytes of the disk'}).waitFor({state: 'hidden'});
      expect(await violations(page, 'section.layers')).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      await page.context().close();
    });
  });
});
