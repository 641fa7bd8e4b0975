import {readFileSync} from 'node:fs';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {pageDir} from '../scripts/paths.mjs';
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
