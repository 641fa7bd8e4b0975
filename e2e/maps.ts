import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {damageFile, farAway} from './damage';
import {qemuImg, qemuIo} from './qemu';

export const CLUSTER = 65536;
/** Of 2^24 clusters the only one with which something is wrong. */
export const BAD = 16_000_001;

/** A file of 2^24 clusters, nearly all of them holes, one of them in use but marked free. */
export async function oneInMillions(folder: string): Promise<string> {
  const image = path.join(folder, 'large.qcow2');
  await qemuImg('create', '-q', '-f', 'qcow2', image, '1T');
  await qemuIo(image, 'write -P 1 0 64k');
  await damageFile(image, farAway(BAD, 2 ** 24));
  return image;
}

export const region = (page: Page, name: string) => page.getByRole('region', {name, exact: true});
export const picture = (page: Page, name = 'Host map') => region(page, name).locator('.map-frame');

/** Waits until a map shows all that there is to show. */
export async function shown(page: Page, name = 'Host map'): Promise<Locator> {
  await region(page, name).locator('.map-frame[aria-busy=false]').waitFor();
  // What has come last is painted in the next frame.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return picture(page, name);
}

export function middleOf(places: readonly {x: number; y: number}[]): {x: number; y: number} {
  const sum = places.reduce((a, b) => ({x: a.x + b.x, y: a.y + b.y}), {x: 0, y: 0});
  return {x: sum.x / places.length, y: sum.y / places.length};
}

/** Run in a page before its own script: WebGL is not there. */
export function withoutWebGl(): void {
  const canvas = HTMLCanvasElement.prototype;
  const getContext = Reflect.get(canvas, 'getContext') as (...args: unknown[]) => unknown;
  Reflect.set(canvas, 'getContext', function (this: HTMLCanvasElement, ...args: unknown[]) {
    return args[0] === 'webgl2' ? null : getContext.apply(this, args);
  });
}
