import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {shareOf, violations} from './axe';
import {BAD, CLUSTER, middleOf, oneInMillions, picture, region, shown, withoutWebGl} from './maps';
import {choose, launch, type App} from './page.mjs';
import {makeImage, qemuImg, qemuIo, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const BAD_TITLE = 'Cluster 16,000,001';

const caption = (page: Page, name = 'Host map') => region(page, name).locator('.map-caption').innerText();
const step = (page: Page, name: string, label: string) => region(page, name).getByRole('button', {name: label, exact: true});

async function opened(image: string, size = {width: 1280, height: 1000}, page?: Page): Promise<{page: Page; trouble: string[]}> {
  const watched = page === undefined ? await app.open() : {page, trouble: []};
  await watched.page.setViewportSize(size);
  await watched.page.emulateMedia({reducedMotion: 'reduce', colorScheme: 'light'});
  await choose(watched.page, image);
  await shown(watched.page);
  await picture(watched.page).scrollIntoViewIfNeeded();
  return watched;
}

/** Pixels of the picture as it is on the screen: how many there are of each colour, and where the black ones lie. */
async function pixels(frame: Locator): Promise<{colours: Map<string, number>; black: {x: number; y: number}[]}> {
  const png = (await frame.screenshot()).toString('base64');
  const {colours, black} = await frame.evaluate(async (_, data) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    if (context === null) {
      throw new Error('no canvas to look at the picture with');
    }
    context.drawImage(bitmap, 0, 0);
    const all = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
    const counts = new Map<string, number>();
    const places = [];
    for (let i = 0; i < all.length; i += 4) {
      const [r = 0, g = 0, b = 0] = all.subarray(i, i + 3);
      const name = `${r} ${g} ${b}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (r + g + b < 60) {
        places.push({x: (i / 4) % bitmap.width, y: Math.floor(i / 4 / bitmap.width)});
      }
    }
    return {colours: [...counts], black: places};
  }, png);
  return {colours: new Map(colours), black};
}

/** The mark on a picture on which there is only one. */
async function markOn(frame: Locator): Promise<{x: number; y: number}> {
  const {black} = await pixels(frame);
  expect(black.length, 'pixels of the mark').toBeGreaterThan(20);
  const middle = middleOf(black);
  for (const {x, y} of black) {
    expect(Math.hypot(x - middle.x, y - middle.y), 'all of them are one mark').toBeLessThan(14);
  }
  return middle;
}

async function onScreen(frame: Locator, at: {x: number; y: number}): Promise<[number, number]> {
  const box = await frame.boundingBox();
  return [(box?.x ?? 0) + at.x, (box?.y ?? 0) + at.y];
}

describe('one bad cluster of 2^24', () => {
  test('is seen in the whole file, and reached by keys alone', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await opened(await oneInMillions(folder));
      const frame = picture(page);
      expect(await frame.getAttribute('data-painter')).toBe('webgl');
      expect(await frame.getAttribute('aria-label')).toContain('16,777,216 clusters');
      await markOn(frame);
      await page.keyboard.press('n');
      await region(page, 'Inspector').getByText(BAD_TITLE, {exact: true}).waitFor();
      await frame.focus();
      for (let i = 0; i < 9; i++) {
        await page.keyboard.press('+');
      }
      await shown(page);
      await expect.poll(() => caption(page)).toBe(`Cluster 16,000,001 at 0x${(BAD * CLUSTER).toString(16)}: Data, danger`);
      expect(await step(page, 'Host map', 'Clusters').getAttribute('aria-pressed')).toBe('true');
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('is reached by the wheel, down to its bytes and into the hex view', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await opened(await oneInMillions(folder));
      const frame = picture(page);
      const [x, y] = await onScreen(frame, await markOn(frame));
      await page.mouse.click(x, y);
      await region(page, 'Inspector').getByText(BAD_TITLE, {exact: true}).waitFor();
      for (let i = 0; i < 40; i++) {
        await page.mouse.wheel(0, -110);
        await shown(page);
      }
      expect(await step(page, 'Host map', 'Bytes').getAttribute('aria-pressed')).toBe('true');
      await page.mouse.move(x + 3, y);
      await expect.poll(() => caption(page)).toMatch(/^Byte 0x[0-9a-f]+ is 0x00, in cluster 16,000,001: Data, danger$/);
      const offset = /0x[0-9a-f]+/.exec(await caption(page))?.[0] ?? '';
      await page.mouse.click(x + 3, y);
      await expect.poll(() => page.locator('[aria-label="Hex"], .panel.hex').first().innerText()).toContain(offset.slice(2, -1));
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('is seen without WebGL, too', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      await page.addInitScript(withoutWebGl);
      await page.reload();
      await opened(await oneInMillions(folder), undefined, page);
      const frame = picture(page);
      expect(await frame.getAttribute('data-painter')).toBe('canvas');
      const [x, y] = await onScreen(frame, await markOn(frame));
      await page.mouse.click(x, y);
      await region(page, 'Inspector').getByText(BAD_TITLE, {exact: true}).waitFor();
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});

test('the same picture with and without WebGL, and through the loss of the graphics card', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1,cluster_size=4k');
    const {page, trouble} = await opened(image);
    for (const order of ['Rows', 'Hilbert']) {
      await page.getByRole('button', {name: order, exact: true}).click();
      const frame = await shown(page);
      const byCard = (await pixels(frame)).colours;
      const lost = await frame.evaluate((element) => {
        const canvas = element.querySelector('canvas');
        const card = canvas?.getContext('webgl2')?.getExtension('WEBGL_lose_context');
        Object.assign(window, {card});
        card?.loseContext();
        return card !== null && card !== undefined;
      });
      expect(lost).toBe(true);
      await expect.poll(() => frame.getAttribute('data-painter')).toBe('canvas');
      await shown(page);
      const byHand = (await pixels(frame)).colours;
      for (const [colour, count] of byCard) {
        if (count > 400) {
          expect(Math.abs((byHand.get(colour) ?? 0) - count) / count, `${order}: pixels of ${colour}`).toBeLessThan(0.15);
        }
      }
      await page.evaluate(() => (Reflect.get(window, 'card') as WEBGL_lose_context).restoreContext());
      await expect.poll(() => frame.getAttribute('data-painter')).toBe('webgl');
    }
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('what is selected on one map is outlined on the other, also what only a snapshot has', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'snapshot.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', image, '1M');
    await qemuIo(image, 'write -P 1 0 512k');
    await qemuImg('snapshot', '-c', 'before', image);
    await qemuIo(image, 'write -P 2 192k 64k');
    const {page, trouble} = await opened(image);
    await shown(page, 'Guest map');
    const plain = (await pixels(picture(page))).black.length;
    // Guest cluster 3 is in two places of the file: as it is now, and as the snapshot has it.
    await picture(page, 'Guest map').focus();
    for (let i = 0; i < 3; i++) {
      await page.keyboard.press('ArrowRight');
    }
    await page.keyboard.press('Control+Home');
    for (let i = 0; i < 3; i++) {
      await page.keyboard.press('ArrowRight');
    }
    await page.keyboard.press('Enter');
    const inspector = region(page, 'Inspector');
    await inspector.getByText('Cluster 3 of the disk').waitFor();
    await expect.poll(() => inspector.locator('.entries > li').count()).toBe(2);
    await expect.poll(async () => (await pixels(await shown(page))).black.length - plain).toBeGreaterThan(100);
    // Back from the place that only the snapshot has.
    await inspector.getByText('Snapshot 1').waitFor();
    await inspector.locator('.entries > li').nth(1).getByRole('button', {name: /Its cluster in the file/}).click();
    await inspector.getByText('Host offset').waitFor();
    await inspector.getByRole('button', {name: /On the disk/}).click();
    await inspector.getByText('Cluster 3 of the disk').waitFor();
    await expect.poll(() => region(page, 'Guest map').getByRole('combobox').inputValue()).toBe('1');
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('the legend counts, filters picture and table, and the table says what the picture shows', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    const {page, trouble} = await opened(image);
    const filter = page.getByRole('list', {name: 'Filter of the host map'});
    const table = filter.getByRole('button', {name: /^L2 table/});
    expect(await table.innerText()).toContain('64 KiB');
    const before = (await pixels(await shown(page))).colours;
    await table.click();
    const after = (await pixels(await shown(page))).colours;
    const data = '0 90 156';
    expect(before.get(data) ?? 0).toBeGreaterThan(1000);
    expect(after.get(data) ?? 0, 'what is left out is pale').toBeLessThan(100);
    await page.keyboard.press('t');
    const rows = region(page, 'Host map').locator('tbody tr');
    await expect.poll(() => rows.allInnerTexts()).toHaveLength(1);
    await filter.getByRole('button', {name: 'Show all'}).click();
    await expect.poll(() => rows.count()).toBeGreaterThan(5);
    const clusters = (await rows.locator('td.number').allInnerTexts()).reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0);
    await page.keyboard.press('t');
    expect(await (await shown(page)).getAttribute('aria-label')).toContain(`${clusters} clusters`);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

const colours = [
  {colorScheme: 'light', forcedColors: 'none', width: 1280},
  {colorScheme: 'dark', forcedColors: 'none', width: 390},
  {colorScheme: 'light', forcedColors: 'active', width: 1280},
] as const;

describe.each(shareOf(colours, 1, 3))('$colorScheme, forced colours $forcedColors, $width px wide', ({colorScheme, forcedColors, width}) => {
  test('no accessibility rule is broken in any state of the maps, and nothing scrolls sideways', async () => {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.qcow2');
      await makeImage(image, 'compat=1.1,extended_l2=on');
      const {page} = await app.open();
      await opened(image, {width, height: 900}, page);
      await page.emulateMedia({colorScheme, forcedColors});
      const panel = page.locator('.panel.map');
      for (const by of shareOf(['owner', 'health', 'references', 'order', 'layer'], 1, 3)) {
        await panel.getByLabel('Colour').selectOption(by);
        await shown(page);
        await shown(page, 'Guest map');
        expect(await violations(page, '.panel.map'), by).toEqual([]);
      }
      await picture(page, 'Guest map').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      await region(page, 'Inspector').getByText('of the disk', {exact: false}).first().waitFor();
      expect(await violations(page, '.panel.map'), 'selected').toEqual([]);
      await page.keyboard.press('t');
      await region(page, 'Guest map').locator('tbody tr').first().waitFor();
      expect(await violations(page, '.panel.map'), 'table').toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), 'no sideways scrolling').toBeLessThanOrEqual(width);
      await page.context().close();
    });
  });
});

test('two fingers zoom on a touch screen', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    const {page} = await opened(image, {width: 390, height: 844});
    const [x, y] = await onScreen(picture(page), {x: 100, y: 100});
    const client = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', apart: number) =>
      client.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: type === 'touchEnd' ? [] : [
          {x: x - apart, y, id: 1},
          {x: x + apart, y, id: 2},
        ],
      });
    await touch('touchStart', 20);
    for (let apart = 20; apart <= 80; apart += 10) {
      await touch('touchMove', apart);
    }
    await touch('touchEnd', 0);
    await expect.poll(() => step(page, 'Host map', 'Whole').getAttribute('aria-pressed')).toBe('false');
    expect(await page.evaluate(() => visualViewport?.scale), 'the page itself is not zoomed').toBe(1);
    await page.context().close();
  });
});

test('a wide window gives maps and bytes more room, a usual one is as it was', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, 'compat=1.1');
    const {page} = await opened(image);
    const seen = [];
    for (const width of [1280, 1400, 1600, 2560, 3840]) {
      await page.setViewportSize({width, height: 1600});
      await page.keyboard.press('5');
      await page.getByRole('grid', {name: 'Bytes of the file'}).waitFor();
      await expect.poll(() => page.getByRole('grid', {name: 'Bytes of the file'}).getAttribute('aria-colcount')).toBe(width > 2100 ? '33' : '17');
      seen.push(
        await page.evaluate(() => {
          const high = (of: string) => Math.round(document.querySelector(of)?.getBoundingClientRect().height ?? 0);
          const {scrollWidth, clientWidth} = document.documentElement;
          const [grid, last] = [document.querySelector('.hex-window'), document.querySelector('.hex-text')];
          return {
            column: document.querySelector('main')?.getBoundingClientRect().width ?? 0,
            map: high('.map-frame'),
            bytes: high('.hex-scroll'),
            cutOff: scrollWidth > clientWidth || (last?.getBoundingClientRect().right ?? 0) > (grid?.getBoundingClientRect().right ?? 0),
          };
        }),
      );
    }
    expect(seen.map(({column}) => column)).toEqual([1240, 1240, 1440, 2200, 2200]);
    expect(seen.filter(({cutOff}) => cutOff)).toEqual([]);
    const [usual, last, , wide] = seen;
    expect(usual?.bytes).toBe(650);
    expect(last?.bytes).toBe(650);
    expect(wide?.bytes).toBeGreaterThan(900);
    expect(wide?.map).toBeGreaterThan(1.3 * (usual?.map ?? Infinity));
    await page.context().close();
  });
});
