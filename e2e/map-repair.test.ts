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
  /** The colour of every pixel: red, green and blue, eight bits each. */
  colours: Uint32Array;
}

async function shot(frame: Locator): Promise<Shot> {
  const png = (await frame.screenshot()).toString('base64');
  // In runs of one colour: pixel by pixel it would take long to hand over.
  const {width, height, runs} = await frame.evaluate(async (_, data) => {
    const raw = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([raw], {type: 'image/png'}));
    const {width, height} = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    if (context === null) {
      throw new Error('no canvas to look at the picture with');
    }
    context.drawImage(bitmap, 0, 0);
    const bytes = new DataView(context.getImageData(0, 0, width, height).data.buffer);
    const runs: [colour: number, end: number][] = [];
    for (let pixel = 0; pixel < width * height; pixel++) {
      const colour = bytes.getUint32(4 * pixel) >>> 8;
      const last = runs.at(-1);
      if (last?.[0] === colour) {
        last[1] = pixel + 1;
      } else {
        runs.push([colour, pixel + 1]);
      }
    }
    return {width, height, runs};
  }, png);
  const colours = new Uint32Array(width * height);
  let start = 0;
  for (const [colour, end] of runs) {
    colours.fill(colour, start, end);
    start = end;
  }
  return {width, height, colours};
}

const channels = (colour: number) => [colour >> 16, (colour >> 8) & 255, colour & 255];

/** How far a colour is at least from a fill, which may be paler: mixed with the page's colour. */
function farFrom(colour: number, page: string, fill: string): number {
  const [from, to] = [rgbOf(page), rgbOf(fill)];
  const along = (a: readonly number[]) => a.map((value, c) => value - (from[c] ?? 0));
  const [way, gone] = [along(to), along(channels(colour))];
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, c) => sum + value * (b[c] ?? 0), 0);
  const share = Math.max(0, Math.min(1, dot(way, gone) / dot(way, way)));
  return Math.hypot(...gone.map((value, c) => value - share * (way[c] ?? 0)));
}

const NEAR = 8;

/** Where pixels are of which a test of their colour holds. */
function placesWhere({width, colours}: Shot, holds: (colour: number) => boolean): {x: number; y: number}[] {
  const held = new Map<number, boolean>();
  for (const colour of new Set(colours)) {
    held.set(colour, holds(colour));
  }
  return [...colours.keys()].filter((pixel) => held.get(colours[pixel] ?? 0) === true).map((pixel) => ({x: pixel % width, y: Math.floor(pixel / width)}));
}

/** The places of full ink: of marks, and of nothing else. */
function inked(seen: Shot, ink: string): {x: number; y: number}[] {
  const [level] = rgbOf(ink);
  return placesWhere(seen, (colour) => channels(colour).every((value) => Math.abs(value - level) < 10));
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
      const off = (fill: string) => (colour: number) => farFrom(colour, ground, fill) > NEAR;
      const data = placesWhere(after, (colour) => off(fills.free)(colour) && !off(fills.active)(colour)).filter(({x, y}) => x > CORNER || y > CORNER);
      expect(data.length, 'the data cluster').toBeGreaterThan(0);
      for (const {x, y} of data) {
        expect(Math.hypot(x - mark.x, y - mark.y)).toBeLessThan(6);
      }
      // All else is of a colour that the legend has.
      const used = [fills.free, fills.other, fills.mapping, fills.refcount, fills.active].map(off);
      const unknown = placesWhere(after, (colour) => used.every((far) => far(colour))).filter(({x, y}) => x > CORNER || y > CORNER);
      expect(unknown, 'pixels of no colour of the legend').toEqual([]);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});
