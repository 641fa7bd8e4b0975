import {open, truncate} from 'node:fs/promises';
import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {looks, violations} from './axe';
import {damageFile, zeroRefblock} from './damage';
import {button} from './find';
import {choose, launch, settled, type App} from './page.mjs';
import {makeImage, qemuImg, qemuIo, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const hexOf = (page: Page) => page.getByRole('region', {name: 'Hex', exact: true});
const gridOf = (page: Page) => page.getByRole('grid', {name: 'Bytes of the file'});
const cardOf = (page: Page) => page.getByRole('region', {name: 'Field', exact: true});

/** Types a place and goes there. */
async function goTo(page: Page, place: string): Promise<void> {
  await hexOf(page).getByLabel('Go to byte', {exact: true}).fill(place);
  await page.keyboard.press('Enter');
}

/** The cell of a byte, once it is read. */
async function cell(page: Page, offset: number): Promise<Locator> {
  const at = gridOf(page).locator(`[role=gridcell][data-at="0x${offset.toString(16)}"]`);
  await at.and(page.locator(':not(:empty)')).waitFor();
  return at;
}

/** What the grid shows of a range. */
async function shown(page: Page, offset: number, length: number): Promise<string> {
  // All in one go: the grid has hundreds of cells to look through for each.
  const read = Array.from({length}, (_, i) => `[role=gridcell][data-at="0x${(offset + i).toString(16)}"]:not(:empty)`);
  const cells = gridOf(page).locator(read.join());
  await cells.nth(length - 1).waitFor();
  return (await cells.allInnerTexts()).join('');
}

async function bytesOf(file: string, offset: number, length: number): Promise<Buffer> {
  const handle = await open(file);
  const bytes = Buffer.alloc(length);
  await handle.read(bytes, 0, length, offset);
  await handle.close();
  return bytes;
}

/** Where a pointer of the file leads to. */
async function pointer(file: string, at: number): Promise<number> {
  return Number((await bytesOf(file, at, 8)).readBigUInt64BE() & 0x00ff_ffff_ffff_fe00n);
}

/** The header's field l1_table_offset, the first entries of that table and of the L2 table, and the data. */
async function wayToData(file: string): Promise<{at: number; field: string}[]> {
  const l1 = await pointer(file, 40);
  const l2 = await pointer(file, l1);
  return [
    {at: 40, field: 'l1_table_offset'},
    {at: l1, field: 'l1[0]'},
    {at: l2, field: 'l2[0][0]'},
    {at: await pointer(file, l2), field: 'guest data'},
  ];
}

describe('an image that qemu-img has made', () => {
  test('pointers are followed from the header to the data, by click and by keys, and the bytes are those of the file', async () => {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.qcow2');
      await makeImage(image, 'compat=1.1');
      const way = await wayToData(image);
      const {page, trouble} = await app.open();
      await choose(page, image);
      await page.keyboard.press('5');
      const arrive = async ({at, field}: {at: number; field: string}) => {
        await cardOf(page).getByRole('heading', {name: field, exact: true}).waitFor();
        await expect(shown(page, at, 16)).resolves.toBe((await bytesOf(image, at, 16)).toString('hex'));
        expect(await (await cell(page, at)).getAttribute('aria-selected')).toBe('true');
      };

      await (await cell(page, 40)).click();
      for (const stop of way) {
        await arrive(stop);
        if (stop.field !== 'guest data') {
          await button(cardOf(page), /^Follow to/).click();
        }
      }
      // The way back leads over the same places.
      for (const stop of way.slice(0, -1).toReversed()) {
        await page.keyboard.press('[');
        await arrive(stop);
      }
      expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid');

      // Again with the keys alone: from the first byte to the field, which is the ninth of the header.
      await page.keyboard.press('Control+Home');
      for (let fields = 0; fields < 8; fields++) {
        await page.keyboard.press('Tab');
      }
      for (const stop of way) {
        await arrive(stop);
        await page.keyboard.press('Enter');
      }
      for (const stop of way.slice(0, -1).toReversed()) {
        await page.keyboard.press('[');
        await arrive(stop);
      }
      await page.keyboard.press(']');
      await arrive(way[1] ?? {at: 0, field: ''});
      // What points here leads back, too.
      await button(cardOf(page), /^l1_table_offset/).click();
      await arrive(way[0] ?? {at: 0, field: ''});
      await page.keyboard.press('Escape');
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).not.toBe('grid');

      // A double click follows, too.
      await (await cell(page, 40)).dblclick();
      await arrive(way[1] ?? {at: 0, field: ''});
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('places are found by offset, cluster and guest offset, and the next field in use', async () => {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.qcow2');
      await makeImage(image, 'compat=1.1');
      const l2 = await pointer(image, await pointer(image, 40));
      const {page, trouble} = await app.open();
      await choose(page, image);
      await page.keyboard.press('5');
      const selected = () => gridOf(page).locator('[role=gridcell][aria-selected=true]').getAttribute('data-at');

      await goTo(page, 'guest 5M');
      const data = await pointer(image, l2 + 8 * 80);
      await expect.poll(selected).toBe(`0x${data.toString(16)}`);
      expect(await shown(page, data, 2)).toBe('2222');
      await goTo(page, 'cluster 1');
      await expect.poll(selected).toBe('0x10000');
      await cardOf(page).getByRole('heading', {name: 'reftable[0]', exact: true}).waitFor();
      // The reftable has one entry, and behind it the refblock begins.
      await button(hexOf(page), 'Next field in use').click();
      await expect.poll(selected).toBe('0x20000');
      await button(hexOf(page), 'Previous field in use').click();
      await expect.poll(selected).toBe('0x10000');
      await goTo(page, 'guest 30M');
      await hexOf(page).getByText('Guest 0x1e00000 has no place in this file: nothing was written there.').waitFor();
      await goTo(page, 'guest 64M');
      await hexOf(page).getByText('lies past the end of the disk').waitFor();
      await goTo(page, 'what');
      await hexOf(page).getByText('A place is a number such as').waitFor();
      expect(await selected()).toBe('0x10000');
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('the list of fields says what the bytes say, and leads to the same places', async () => {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.qcow2');
      await makeImage(image, 'compat=1.1');
      const [, l1] = await wayToData(image);
      const {page, trouble} = await app.open();
      await choose(page, image);
      await button(page, 'List of fields').click();
      const list = hexOf(page).getByRole('group', {name: 'Fields', exact: true});
      const row = list.getByRole('row').filter({hasText: 'l1_table_offset'});
      expect(await row.innerText()).toContain(`0x${l1?.at.toString(16)}`);
      expect(await row.innerText()).toContain('Where the active L1 table lies.');
      await row.getByRole('button', {name: /active L1 table/}).click();
      await list.getByRole('row').filter({hasText: 'l1[0]'}).waitFor();
      await list.getByRole('rowheader').first().getByRole('button').click();
      expect(await (await cell(page, l1?.at ?? 0)).getAttribute('aria-selected')).toBe('true');
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});

test('what a plan changes is marked, with before and after', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    const refblock = await pointer(image, await pointer(image, 48));
    const healthy = await bytesOf(image, refblock, 16);
    await damageFile(image, zeroRefblock);
    const {page, trouble} = await app.open();
    await choose(page, image);
    expect(await button(hexOf(page), 'Next change').count()).toBe(0);
    await button(page, 'Repair').click();
    await button(page, 'Apply repair').waitFor();
    await page.keyboard.press('5');
    await button(hexOf(page), 'Next change').click();
    // The refcount of the header's cluster: its second byte goes from 0 to 1.
    await cardOf(page).getByRole('heading', {name: 'refcount[0]', exact: true}).waitFor();
    const diff = cardOf(page).locator('.diff');
    await expect.poll(async () => (await diff.innerText()).replaceAll(/\s+/g, ' ')).toMatch(/^before ?00 00 after ?00 01 /);
    const changed = await cell(page, refblock + 1);
    expect(await changed.getAttribute('aria-label')).toMatch(/, 00, refcount\[0\], wrong, changed$/);
    expect(await (await cell(page, refblock)).getAttribute('aria-label')).not.toMatch(/changed/);
    await button(hexOf(page), 'After the repair').click();
    await expect.poll(() => shown(page, refblock, 16)).toBe(healthy.toString('hex'));
    expect(await changed.getAttribute('aria-label')).toMatch(/, 01, refcount\[0\], changed$/);

    // Once applied the image itself is the side after, and what was before is the other one.
    await button(page, 'Apply repair').click();
    await button(page, 'Undo').waitFor();
    await settled(page);
    await hexOf(page).getByRole('heading', {name: 'Hex after the repair'}).waitFor();
    await button(hexOf(page), 'Now').click();
    await goTo(page, `0x${refblock.toString(16)}`);
    await expect.poll(() => shown(page, refblock, 16)).toBe(healthy.toString('hex'));
    await button(hexOf(page), 'Before').click();
    await expect.poll(() => shown(page, refblock, 16)).toBe('0'.repeat(32));
    await expect.poll(async () => (await diff.innerText()).replaceAll(/\s+/g, ' ')).toMatch(/^before ?00 00 after ?00 01 /);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('findings and clusters lead to their bytes', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    const refblock = await pointer(image, await pointer(image, 48));
    await damageFile(image, zeroRefblock);
    const {page, trouble} = await app.open();
    await choose(page, image);
    await page.keyboard.press('n');
    await cardOf(page).getByRole('heading', {name: 'refcount[0]', exact: true}).waitFor();
    await button(page.getByRole('region', {name: 'Findings'}), 'Bytes of the field').first().click();
    expect(await (await cell(page, refblock)).getAttribute('aria-selected')).toBe('true');
    await goTo(page, 'cluster 3');
    await button(cardOf(page), /^Show cluster 3 on the map/).click();
    await button(page.getByRole('region', {name: 'Inspector'}), /^Show the bytes at 0x30000/).click();
    expect(await (await cell(page, 0x30000)).getAttribute('aria-selected')).toBe('true');
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('offsets of 64 bits: far into a file, to its end, and past it', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'huge.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=2M', image, '64M');
    await qemuIo(image, 'write -P 0x11 0 1M');
    const size = 2 ** 40 + 5;
    await truncate(image, size);
    const {page, trouble} = await app.open();
    await choose(page, image);
    await page.keyboard.press('5');
    await goTo(page, '0xdeadbeef07');
    const far = await cell(page, 0xdeadbeef07);
    expect(await far.getAttribute('aria-selected')).toBe('true');
    expect(await gridOf(page).getByRole('rowheader').allInnerTexts()).toContain('00deadbeef00');
    await gridOf(page).focus();
    await page.keyboard.press('Control+End');
    expect(await (await cell(page, size - 1)).getAttribute('aria-selected')).toBe('true');
    expect(await gridOf(page).locator(`[data-at="0x${size.toString(16)}"]`).count()).toBe(0);
    // The scroll bar leads from end to end.
    const box = hexOf(page).locator('.hex-scroll');
    await box.evaluate((element) => (element.scrollTop = 0));
    await cell(page, 0);
    await box.evaluate((element) => (element.scrollTop = element.scrollHeight / 2));
    const middle = async () => Number(`0x${await gridOf(page).getByRole('rowheader').first().innerText()}`);
    await expect.poll(middle).toBeGreaterThan(size * 0.4);
    expect(await middle()).toBeLessThan(size * 0.6);

    for (const place of [`0x${size.toString(16)}`, '0x7fffffffffffffff', '8191P']) {
      await goTo(page, place);
      const words = place.endsWith('P') ? 'A place is a number such as' : `Byte ${place} lies past the end: the file ends at 0x${size.toString(16)}.`;
      await hexOf(page).getByText(words).waitFor();
    }
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('hostile bytes are text', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', image, '1M');
    await qemuImg('snapshot', '-c', '<img src=x onerror=alert(1)>\u202e\u0007', image);
    const table = Number((await bytesOf(image, 64, 8)).readBigUInt64BE());
    const {page, trouble} = await app.open();
    let dialogs = 0;
    page.on('dialog', (dialog) => {
      dialogs++;
      void dialog.dismiss();
    });
    await choose(page, image);
    await page.keyboard.press('5');
    await goTo(page, '0x40');
    await button(cardOf(page), /^Follow to/).click();
    await cell(page, table);
    const text = await bytesOf(image, table, 512);
    await goTo(page, String(table + text.indexOf('<img')));
    await cardOf(page).getByRole('heading', {name: /name$/}).waitFor();
    await cardOf(page).getByText('<img src=x onerror=alert(1)>').first().waitFor();
    expect(await cardOf(page).locator('.field-value').innerText()).toBe('“<img src=x onerror=alert(1)>⟨U+202E⟩␇”');
    await button(page, 'List of fields').click();
    await hexOf(page).getByRole('group', {name: 'Fields', exact: true}).getByText('<img src=x onerror=alert(1)>').first().waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(dialogs).toBe(0);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test.each(looks(2))('no accessibility rule is broken: $width px, $colorScheme', async ({width, colorScheme}) => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    await damageFile(image, zeroRefblock);
    const {page} = await app.open();
    await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
    // Low, since a rule is tried on every byte that is in sight.
    await page.setViewportSize({width, height: 560});
    await choose(page, image);
    await button(page, 'Repair').click();
    await button(page, 'Apply repair').waitFor();
    await button(hexOf(page), 'Next change').click();
    await cardOf(page).locator('.diff').waitFor();
    if (colorScheme === 'dark') {
      await button(hexOf(page), 'After the repair').click();
      await cardOf(page).locator('.diff').waitFor();
    }
    expect(await violations(page, 'section.hex'), 'bytes').toEqual([]);
    await button(page, 'List of fields').click();
    await hexOf(page).getByRole('group', {name: 'Fields', exact: true}).waitFor();
    expect(await violations(page, 'section.hex'), 'list').toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), 'no sideways scrolling').toBeLessThanOrEqual(width);
    await page.context().close();
  });
});
