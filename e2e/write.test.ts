import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {pageDir} from '../scripts/paths.mjs';
import {looks, violations} from './axe';
import {button, labOf} from './find';
import {choose, launch, save, settled, type App} from './page.mjs';
import {qemuCheck, qemuImg, qemuIo, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const KIB = 1024;
const edge = (lab: Locator, which: 'Start' | 'End') => lab.getByRole('slider', {name: `${which} of the range`});
const headline = (lab: Locator) => lab.locator('.w-headline strong');

/** Subclusters of which some hold data, some are zero, and a snapshot has them all. */
async function makeSubclusters(file: string): Promise<void> {
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on', file, '64M');
  await qemuIo(file, 'write -P 0x11 0 12K', 'write -z 20K 4K', 'write -P 0x22 128K 64K');
  await qemuImg('snapshot', '-c', 'before', file);
}

async function openWrite(page: Page, image: string): Promise<Locator> {
  await choose(page, image);
  const lab = labOf(page);
  await lab.getByRole('tab', {name: 'One write'}).click();
  await lab.getByRole('group', {name: 'Write simulator'}).waitFor();
  await headline(lab).waitFor();
  return lab;
}

/** The sample with torn subclusters, and no trouble with it. */
async function withTorn(use: (lab: Locator, page: Page) => Promise<void>): Promise<void> {
  const {page, trouble} = await app.open();
  await use(await openWrite(page, path.join(pageDir, 'samples', 'torn_subclusters.qcow2')), page);
  expect(trouble).toEqual([]);
  await page.context().close();
}

async function pickRange(lab: Locator, offset: string, length: string): Promise<void> {
  await lab.getByLabel('From guest offset').fill(offset);
  await lab.getByLabel('Length', {exact: true}).fill(length);
}

/** The rows of the table that says what the picture shows. */
async function tableOf(lab: Locator): Promise<string[]> {
  await lab.locator('.w-table').evaluate((details: HTMLDetailsElement) => (details.open = true));
  const rows = await lab.getByRole('group', {name: 'Subclusters as a table'}).locator('tbody tr').allInnerTexts();
  return rows.map((row) => row.replaceAll(/\s+/g, ' ').trim());
}

/** Drags from one subcluster to another, both by number and share. */
async function drag(page: Page, lab: Locator, from: number, to: number): Promise<void> {
  const field = lab.locator('.w-picker').last();
  await field.scrollIntoViewIfNeeded();
  const box = await field.boundingBox();
  if (box === null) {
    throw new Error('the picture is not to be seen');
  }
  const x = (cell: number) => box.x + (cell / 32) * box.width;
  const y = box.y + 40;
  await page.mouse.move(x(from), y);
  await page.mouse.down();
  for (let step = 1; step <= 8; step++) {
    await page.mouse.move(x(from + ((to - from) * step) / 8), y);
  }
  await page.mouse.up();
}

describe('a write', () => {
  test('is picked by keys, by numbers and by dragging; its subclusters are shown before and after', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      const image = path.join(folder, 'disk.qcow2');
      await makeSubclusters(image);
      const lab = await openWrite(page, image);

      await pickRange(lab, '0x1c00', '1K');
      await expect.poll(() => tableOf(lab)).toEqual([
        '0 to 2 allocated copied from the old cluster allocated',
        '3 allocated written in part, the rest copied from the old cluster allocated',
        '4 to 5 allocated copied from the old cluster allocated',
        '6 to 9 not allocated, its place is kept nothing not allocated, its place is kept',
        '10 to 11 reads as zeros, its place is kept nothing reads as zeros, its place is kept',
        '12 to 31 not allocated, its place is kept nothing not allocated, its place is kept',
      ]);
      expect(await lab.locator('.w-row').first().locator('.w-cell').count()).toBe(32);

      await edge(lab, 'Start').focus();
      await page.keyboard.press('ArrowLeft');
      await expect.poll(() => edge(lab, 'Start').getAttribute('aria-valuetext')).toBe('guest 0x1a00, in cell 3 of those shown');
      await edge(lab, 'End').focus();
      await page.keyboard.press('PageUp');
      await page.keyboard.press('Shift+ArrowRight');
      await expect.poll(() => lab.getByLabel('From guest offset').inputValue()).toBe('0x1c00');
      await expect.poll(() => lab.getByLabel('Length', {exact: true}).inputValue()).toBe('3584');
      await page.keyboard.press('End');
      await expect.poll(() => lab.getByLabel('Length', {exact: true}).inputValue()).toBe('57K');

      await drag(page, lab, 7.6, 12.4);
      await expect.poll(() => lab.getByLabel('From guest offset').inputValue()).toBe('0x3c00');
      await expect.poll(() => lab.getByLabel('Length', {exact: true}).inputValue()).toBe('10K');
      await expect.poll(async () => (await tableOf(lab)).slice(2, 6)).toEqual([
        '7 not allocated, its place is kept written in part, the rest filled with zeros allocated',
        '8 to 9 not allocated, its place is kept written allocated',
        '10 to 11 reads as zeros, its place is kept written allocated',
        '12 not allocated, its place is kept written in part, the rest filled with zeros allocated',
      ]);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('tells of entry, bitmap, refcounts and steps; in place there is no record at all', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      const image = path.join(folder, 'disk.qcow2');
      await makeSubclusters(image);
      const lab = await openWrite(page, image);
      await pickRange(lab, '0x1c00', '1K');
      await lab.getByText('is shared (not COPIED)').waitFor();
      const entry = await lab.getByRole('region', {name: 'L2 entries'}).innerText();
      for (const text of ['normal, host 0x50000', ', COPIED', '0x0000003f', '0x00000c00']) {
        expect(entry).toContain(text);
      }
      expect(await lab.getByRole('region', {name: 'Refcounts'}).innerText()).toMatch(/5\s+2\s+1/);
      expect(await lab.locator('.w-steps .barrier').count()).toBeGreaterThan(1);

      await button(lab, 'Apply write').click();
      await lab.getByText('Applied in memory').waitFor();
      await lab.getByText('Only the data is written, in place: no record at all.').waitFor();
      expect(await lab.getByRole('region', {name: 'L2 entries'}).innerText()).toContain('No entry changes.');
      await button(lab, 'Undo').click();
      await lab.getByText('is shared (not COPIED)').waitFor();
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('is applied, another after it, and saved: qemu reads the patterns and finds nothing', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      const image = path.join(folder, 'disk.qcow2');
      await makeSubclusters(image);
      const lab = await openWrite(page, image);
      await pickRange(lab, '7K', '3K');
      await button(lab, 'Apply write').click();
      await lab.getByText('Applied in memory').waitFor();
      await pickRange(lab, '0x200000', '100K');
      await lab.getByLabel('Every byte is').fill('0x77');
      await button(lab, 'Apply write').click();
      await lab.getByText('every byte 0x77').first().waitFor();
      await lab.getByText('Discard', {exact: true}).locator('..').click();
      await pickRange(lab, '128K', '64K');
      await button(lab, 'Apply discard').click();
      await lab.getByText('discard of guest').first().waitFor();
      expect(await settled(page)).toMatchObject({state: 'done', exit: '0'});
      const saved = path.join(folder, 'saved.qcow2');
      await page.getByText('disk.written.qcow2').first().waitFor();
      await save(page, saved, 'Save changed image');
      expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
      await qemuIo(saved, 'read -P 0x11 0 7K', 'read -P 0x5a 7K 3K', 'read -P 0x11 10K 2K', 'read -P 0 12K 52K', 'read -P 0 128K 64K', 'read -P 0x77 2M 100K');
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('over a backing file copies from it, once that is given', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      const base = path.join(folder, 'base.raw');
      await writeFile(base, Buffer.alloc(1 << 20, 0x33));
      const image = path.join(folder, 'over.qcow2');
      await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on', '-b', base, '-F', 'raw', image, '1M');
      await qemuIo(image, 'write -P 0x11 0 4K');
      const lab = await openWrite(page, image);
      await pickRange(lab, '0x41400', '1K');
      await lab.getByText('Add it in the part Layers').waitFor();
      expect(await button(lab, 'Apply write').isDisabled()).toBe(true);
      await lab.getByRole('region', {name: 'Copied and left alone'}).getByText('copied from the backing file').first().waitFor();
      await page.getByRole('region', {name: 'Layers', exact: true}).getByLabel('Choose the backing file').setInputFiles(base);
      await button(lab, 'Apply write').click();
      await lab.getByText('Applied in memory').waitFor();
      const saved = path.join(folder, 'saved.qcow2');
      await save(page, saved, 'Save changed image');
      expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
      // Without its backing file: what was copied is in the image itself.
      await qemuImg('rebase', '-u', '-f', 'qcow2', '-b', '', saved);
      await qemuIo(saved, 'read -P 0x33 0x41000 1K', 'read -P 0x5a 0x41400 1K', 'read -P 0 0x41800 2K');
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('over an invalid entry is stopped, with the reason and the repair', async () => {
    await withTorn(async (lab) => {
      await pickRange(lab, '0x104000', '512');
      const stop = lab.getByRole('group', {name: 'Why it stops'});
      await stop.waitFor();
      expect(await stop.innerText()).toMatch(/contradicts itself[^]*Subcluster 8 is invalid: zero and allocated[^]*Proposed repair: keep the host cluster[^]*0x104000/);
      expect(await button(lab, 'Apply write').isDisabled()).toBe(true);
      await pickRange(lab, '3M', '512');
      await lab.getByText('Repair it first; then the write can be applied.').waitFor();
      await lab.getByLabel('Length', {exact: true}).fill('fish');
      await lab.getByText('Wanted: a length such as 4K').waitFor();
    });
  });

  test('needs one cell a cluster where there are no subclusters', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      const image = path.join(folder, 'plain.qcow2');
      await qemuImg('create', '-q', '-f', 'qcow2', image, '64M');
      await qemuIo(image, 'write -P 0x11 0 128K', 'write -c -P 3 192K 64K');
      const lab = await openWrite(page, image);
      await pickRange(lab, '200K', '4K');
      await lab.getByRole('region', {name: 'Copied and left alone'}).getByText('decoded from the compressed cluster').first().waitFor();
      await pickRange(lab, '60K', '140K');
      await lab.getByText('A part of the data goes to new clusters').waitFor();
      await button(lab, 'Next clusters').click();
      await lab.getByText('The range is in clusters 0 to 3.').waitFor();
      await button(lab, 'Its start').click();
      await lab.getByText('Clusters 0 to 31').waitFor();
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});

test('a second write in flight is shortened, waits, and goes on; qemu reads both', async () => {
  await withFolder(async (folder) => {
    const {page, trouble} = await app.open();
    const image = path.join(folder, 'disk.qcow2');
    await makeSubclusters(image);
    const lab = await openWrite(page, image);
    await pickRange(lab, '1M', '4K');
    await button(lab, 'Queue a second write in flight').click();
    await pickRange(lab, `${1020 * KIB}`, '8K');
    await lab.getByLabel('Every byte is').fill('0x66');
    const flights = lab.getByRole('region', {name: 'Writes in flight'});
    await flights.getByText('Shortened: From guest 0x100000 on it waits for write 1').waitFor();
    await button(flights, 'Put write 2 in flight').click();
    await flights.getByText('Write 1 keeps 0x100000 to 0x110000').waitFor();
    await button(flights, 'Finish write 1').click();
    await button(flights, 'Finish write 2').click();
    await button(flights, 'Apply all writes').click();
    await lab.getByText('2 writes that were in flight at once').waitFor();
    expect(await settled(page)).toMatchObject({state: 'done', exit: '0'});
    const saved = path.join(folder, 'saved.qcow2');
    await save(page, saved, 'Save changed image');
    expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
    await qemuIo(saved, 'read -P 0x66 1020K 8K', 'read -P 0 1010K 10K');
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('the states are counted in the image, and lead to the first of each', async () => {
  await withTorn(async (lab) => {
    await lab.getByText('The eight states of a subcluster').click();
    const rows = lab.getByRole('group', {name: 'States', exact: true}).locator('tbody tr');
    await rows.nth(7).waitFor();
    expect(await rows.count()).toBe(8);
    expect(await rows.nth(7).innerText()).toMatch(/set\s+set\s+set\s+!\s+Invalid: zero and allocated[^]*Repair: Keep the host cluster[^]*\s8\s+First at 0x105000/);
    await rows.nth(7).getByRole('button').click();
    await lab.getByRole('group', {name: 'Why it stops'}).waitFor();
  });
});

test('a pasted trace is compared for all cluster sizes, and advice is given', async () => {
  await withTorn(async (lab, page) => {
    await lab.getByText('Amplification').click();
    await lab.getByLabel('Trace of writes').fill('0 4K\n10M 4K\nnonsense\n');
    await button(lab, 'Compare').click();
    await lab.getByText('Line 3').waitFor();
    await lab.getByLabel('Trace of writes').fill('0 4K\n10M 4K\n20M 4K\n');
    await lab.getByLabel('The image is at first').selectOption('backed');
    await button(lab, 'Compare').click();
    const table = lab.getByRole('group', {name: 'Cluster sizes compared'});
    await table.waitFor();
    expect(await table.locator('tbody tr').count()).toBe(10);
    expect(await table.getByRole('row', {name: /^64 KiB/}).innerText()).toMatch(/64 KiB\s+16\.\d\d\s+1\.\d\d/);
    expect(await table.getByText('advised').count()).toBe(1);
    await lab.getByText('Turn extended L2 on').waitFor();
    const earlier = lab.getByText('What follows is of the trace as it was.');
    expect(await earlier.count()).toBe(0);
    await lab.getByLabel('The image is at first').selectOption('shared');
    await earlier.waitFor();
    await lab.getByLabel('The image is at first').selectOption('backed');
    await earlier.waitFor({state: 'hidden'});
    await lab.getByLabel('Trace of writes').fill('0 4K\n10M 8K\n');
    await earlier.waitFor();
    await lab.getByLabel('Choose trace').setInputFiles({name: 'log', mimeType: 'text/plain', buffer: Buffer.from('fio version 2 iolog\n/dev/x add\n/dev/x write 4096 8192\n')});
    await button(lab, 'Compare').click();
    await lab.getByText('1 write, 8 KiB').waitFor();
    expect(await earlier.count()).toBe(0);
    await page.setViewportSize({width: 390, height: 844});
    await lab.getByText('All numbers').click();
    const numbers = lab.getByRole('group', {name: 'All numbers'});
    expect(await numbers.evaluate((box) => box.scrollWidth > box.clientWidth)).toBe(true);
    const linesOf = (cells: Element[]) =>
      cells.map((cell) => {
        const text = document.createRange();
        text.selectNodeContents(cell);
        return new Set(Array.from(text.getClientRects(), ({top}) => top)).size;
      });
    expect(new Set(await numbers.locator('tbody :is(th, td)').evaluateAll(linesOf)), 'lines of a number and its unit').toEqual(new Set([1]));
  });
});

test('a long trace is kept out of the box, whether opened or pasted; what is wrong in it is said with its line', async () => {
  await withTorn(async (lab) => {
    await lab.getByText('Amplification').click();
    const box = lab.getByLabel('Trace of writes');
    const long = '0 4K\r\n'.repeat(40_000);
    await lab.getByLabel('Choose trace').setInputFiles({name: 'long.log', mimeType: 'text/plain', buffer: Buffer.from(`${long}1M garbage\r\n`)});
    await lab.getByRole('group', {name: 'Long trace'}).getByText('long.log').waitFor();
    expect(await box.count()).toBe(0);
    await button(lab, 'Compare').click();
    await lab.getByRole('alert').getByText('Line 40001').waitFor();
    await button(lab, 'Use another trace').click();
    await box.evaluate((element, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', text);
      element.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}));
    }, long);
    await lab.getByText('What was pasted').waitFor();
    await button(lab, 'Compare').click();
    await lab.getByText('40,000 writes').waitFor();
  });
});

test.each(looks(1))('no accessibility rule is broken: $width px, $colorScheme', async ({width, colorScheme}) => {
  await withFolder(async (folder) => {
    const {page} = await app.open();
    await page.emulateMedia({colorScheme});
    await page.setViewportSize({width, height: 900});
    const image = path.join(folder, 'disk.qcow2');
    await makeSubclusters(image);
    const lab = await openWrite(page, image);
    await pickRange(lab, '7K', '30K');
    await tableOf(lab);
    expect(await violations(page, '.lab-card'), 'planned').toEqual([]);
    await lab.getByText('The eight states of a subcluster').click();
    await lab.getByText('Amplification').click();
    await lab.getByLabel('Trace of writes').fill('0 4K\n');
    await button(lab, 'Compare').click();
    await lab.getByText('advised', {exact: true}).waitFor();
    await button(lab, 'Queue a second write in flight').click();
    await lab.getByText('Put write 2 in flight').waitFor();
    expect(await violations(page, '.lab-card'), 'all open').toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), 'no sideways scrolling').toBeLessThanOrEqual(width);
    await page.context().close();
  });
});
