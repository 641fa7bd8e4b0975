import type {Locator} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {rgbOf} from '../web/src/model/map/colours';
import {DARK, LIGHT} from '../web/src/model/palette';
import {shareOf} from './axe';
import {middleOf, oneInMillions, picture, shown, withoutWebGl} from './maps';
import {choose, launch, repair, type App} from './page.mjs';
import {withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

/** Within so many pixels of the start of the file is the mark of what was changed, with its rim. */
const CORNER = 18;

interface Shot {
  width: number;
  height: number;
  /** Four bytes a pixel. */
  bytes: readonly number[];
}

async function shot(frame: Locator): Promise<Shot> {
  const png = (await frame.screenshot()).toString('base64');
  return frame.evaluate(async (_, data) => {
    const raw = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([raw], {type: 'image/png'}));
    const {width, height} = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    if (context === null) {
      throw new Error('no canvas to look at the picture with');
    }
    context.drawImage(bitmap, 0, 0);
    return {width, height, bytes: Array.from(context.getImageData(0, 0, width, height).data)};
  }, png);
}

/** How far a pixel is at least from a fill, which may be paler: mixed with the page's colour. */
function farFrom({bytes}: Shot, pixel: number, page: string, fill: string): number {
  const [from, to] = [rgbOf(page), rgbOf(fill)];
  const seen = [0, 1, 2].map((c) => bytes[4 * pixel + c] ?? 0);
  const along = (a: readonly number[]) => a.map((value, c) => value - (from[c] ?? 0));
  const [way, gone] = [along(to), along(seen)];
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, c) => sum + value * (b[c] ?? 0), 0);
  const share = Math.max(0, Math.min(1, dot(way, gone) / dot(way, way)));
  return Math.hypot(...gone.map((value, c) => value - share * (way[c] ?? 0)));
}

const NEAR = 8;

/** Where pixels are of which a test of their number holds. */
function placesWhere({width, height}: Shot, holds: (pixel: number) => boolean): {x: number; y: number}[] {
  return Array.from({length: width * height}, (_, pixel) => pixel)
    .filter(holds)
    .map((pixel) => ({x: pixel % width, y: Math.floor(pixel / width)}));
}

/** The places of full ink: of marks, and of nothing else. */
function inked(seen: Shot, ink: string): {x: number; y: number}[] {
  const [level] = rgbOf(ink);
  return placesWhere(seen, (pixel) => [0, 1, 2].every((c) => Math.abs((seen.bytes[4 * pixel + c] ?? 0) - level) < 10));
}

const pictures = [
  {colorScheme: 'light', width: 1280, painter: 'webgl'},
  {colorScheme: 'dark', width: 390, painter: 'webgl'},
  {colorScheme: 'light', width: 390, painter: 'canvas'},
  {colorScheme: 'dark', width: 1280, painter: 'canvas'},
] as const;

// By both painters, in any case.
describe.each(shareOf(pictures, 1, 2))('after a repair, $painter, $colorScheme, $width px wide', ({colorScheme, width, painter}) => {
  test('clusters have the colours of their owners, and of marks only the one of what was changed is left', async () => {
    const {page: ground, ink, fills} = colorScheme === 'light' ? LIGHT : DARK;
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      if (painter === 'canvas') {
        await page.addInitScript(withoutWebGl);
        await page.reload();
      }
      await page.setViewportSize({width, height: 1000});
      await page.emulateMedia({reducedMotion: 'reduce', colorScheme});
      await choose(page, await oneInMillions(folder));
      await shown(page);
      await picture(page).scrollIntoViewIfNeeded();
      const mark = middleOf(inked(await shot(await shown(page)), ink));
      await repair(page);
      const legend = page.locator('.legend-marks');
      await expect.poll(() => legend.innerText()).toMatch(/^Marks:\s*Changed$/);
      await page.mouse.move(0, 0);
      const frame = await shown(page);
      expect(await frame.getAttribute('data-painter')).toBe(painter);
      const after = await shot(frame);
      // The corner of what was changed, at the start of the file, and no other mark.
      const corner = inked(after, ink);
      expect(corner.length).toBeGreaterThan(20);
      expect(corner.filter(({x, y}) => x > CORNER || y > CORNER)).toEqual([]);
      // Where the mark was is what the cluster is used for.
      const off = (fill: string) => (pixel: number) => farFrom(after, pixel, ground, fill) > NEAR;
      const data = placesWhere(after, (pixel) => off(fills.free)(pixel) && !off(fills.active)(pixel)).filter(({x, y}) => x > CORNER || y > CORNER);
      expect(data.length, 'the data cluster').toBeGreaterThan(0);
      for (const {x, y} of data) {
        expect(Math.hypot(x - mark.x, y - mark.y)).toBeLessThan(6);
      }
      // All else is of a colour that the legend has.
      const used = [fills.free, fills.other, fills.mapping, fills.refcount, fills.active].map(off);
      const unknown = placesWhere(after, (pixel) => used.every((far) => far(pixel))).filter(({x, y}) => x > CORNER || y > CORNER);
      expect(unknown, 'pixels of no colour of the legend').toEqual([]);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});
