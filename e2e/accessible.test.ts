import path from 'node:path';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {looks, shareOf, violations} from './axe';
import {damageFile, zeroRefblock} from './damage';
import {choose, launch, settled, type App} from './page.mjs';
import {makeImage, qemuCheck, qemuImg, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

describe.each(looks(1))('$colorScheme, $width px wide', ({colorScheme, width}) => {
  test('no accessibility rule is broken on any screen', async () => {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.qcow2');
      await makeImage(image, 'compat=1.1');
      await damageFile(image, zeroRefblock);
      const raw = path.join(folder, 'raw.img');
      await qemuImg('create', '-q', '-f', 'raw', raw, '1M');

      const {page} = await app.open();
      await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
      await page.setViewportSize({width, height: 844});
      expect(await violations(page), 'empty').toEqual([]);
      await choose(page, raw);
      expect(await violations(page), 'failed').toEqual([]);
      await choose(page, image);
      expect(await violations(page), 'checked').toEqual([]);
      await page.getByRole('button', {name: 'Repair', exact: true}).click();
      await page.getByRole('button', {name: 'Apply repair', exact: true}).waitFor();
      expect(await violations(page), 'planned').toEqual([]);
      if (width > 1000) {
        // The links and buttons beside it leave the name its room.
        await page.setViewportSize({width: 1920, height: 844});
        const name = page.locator('.top .file-chip .image-text').first();
        expect(await name.evaluate((e) => e.scrollWidth - e.clientWidth), 'cut off the name').toBe(0);
        await page.emulateMedia({forcedColors: 'active'});
        const mark = (which: string) => page.locator('.now-after span', {hasText: which}).evaluate((e) => getComputedStyle(e).outlineStyle);
        expect([await mark('Now'), await mark('After')], 'forced colours say which image is shown').toEqual(['solid', 'none']);
        await page.emulateMedia({forcedColors: 'none'});
        await page.setViewportSize({width, height: 844});
      }
      await page.getByRole('button', {name: 'Apply repair', exact: true}).click();
      await page.getByRole('button', {name: 'Undo', exact: true}).waitFor();
      await settled(page);
      expect(await violations(page), 'repaired').toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), 'no sideways scrolling').toBeLessThanOrEqual(width);
      await page.context().close();
    });
  });
});

test.each(shareOf(['light', 'dark'] as const, 1, 2))('no accessibility rule is broken where a newer program made the image, %s', async (colorScheme) => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    // The header's incompatible features are the big-endian number at byte 72: bit 40 means nothing yet.
    await damageFile(image, (file) => file.put(72, Buffer.from([0, 0, 1, 0, 0, 0, 0, 0])));

    const {page} = await app.open();
    await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
    await choose(page, image);
    await page.locator('.status.newer').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.context().close();
  });
});

/** Presses Tab until the focus is on the control with this name. */
async function tabTo(page: Page, name: string): Promise<void> {
  const target = page.getByLabel(name, {exact: true}).or(page.getByRole('button', {name, exact: true}));
  for (let presses = 0; presses < 200; presses++) {
    await page.keyboard.press('Tab');
    if ((await target.count()) === 1 && (await target.evaluate((e) => e === document.activeElement))) {
      return;
    }
  }
  throw new Error(`the Tab key does not reach “${name}”`);
}

test('a repair with the keyboard alone', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    await damageFile(image, zeroRefblock);
    const saved = path.join(folder, 'saved.qcow2');

    const {page, trouble} = await app.open();
    // Asked for early: the browser must know before the key is pressed that no real dialog is wanted.
    const chooser = page.waitForEvent('filechooser');
    await tabTo(page, 'Choose image');
    await page.keyboard.press('Enter');
    await (await chooser).setFiles(image);
    await settled(page);
    for (const name of ['Repair', 'Apply repair']) {
      await page.getByRole('button', {name, exact: true}).waitFor();
      await tabTo(page, name);
      await page.keyboard.press('Enter');
    }
    await page.getByRole('button', {name: 'Undo', exact: true}).waitFor();
    await settled(page);
    await tabTo(page, 'Save repaired image');
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    await download.saveAs(saved);
    expect((await qemuCheck(saved)).exit).toBe(0);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
