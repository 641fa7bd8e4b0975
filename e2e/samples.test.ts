import {readFileSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {pageDir} from '../scripts/paths.mjs';
import {shareOf} from './axe';
import {launch, settled, type App} from './page.mjs';
import {qemuCheck} from './qemu';

interface Sample {
  title: string;
  file: string;
  expect: {corruptions: number; leaks: number; exit: number};
}

const folder = path.join(pageDir, 'samples');
const samples = JSON.parse(readFileSync(path.join(folder, 'samples.json'), 'utf8')) as Sample[];

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

test.each(samples)('$title: the page and qemu-img say what the list says', async ({title, file, expect: want}) => {
  expect(await qemuCheck(path.join(folder, file))).toEqual(want);
  const {page, trouble} = await app.open();
  await page.getByRole('button', {name: title}).click();
  expect(await settled(page)).toMatchObject({state: 'done', exit: String(want.exit)});
  expect(trouble).toEqual([]);
  await page.context().close();
});

test.each(shareOf([1280, 800, 390], 1, 3))('the samples fill their rows at %i px, and the footer stands under them', async (width) => {
  const {page} = await app.open();
  await page.setViewportSize({width, height: 900});
  const list = page.getByRole('region', {name: /No image at hand/}).getByRole('list');
  await list.getByRole('button').first().waitFor();
  const edges = await list.evaluate((ul) => {
    const boxes = Array.from(ul.children, (li) => li.getBoundingClientRect());
    const rows = [...new Set(boxes.map(({top}) => top))].map((top) => boxes.filter((box) => box.top === top));
    return rows.map((row) => [Math.round(Math.min(...row.map(({left}) => left))), Math.round(Math.max(...row.map(({right}) => right)))]);
  });
  expect(edges.length).toBeGreaterThan(1);
  expect(new Set(edges.map(String)).size).toBe(1);
  const footer = await page.locator('footer p').first().boundingBox();
  expect(Math.round(footer?.x ?? -1)).toBe(edges[0]?.[0]);
  await page.context().close();
});
