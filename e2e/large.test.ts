import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {damageFile, leak} from './damage';
import {choose, hangReadsAfter, launch, type App} from './page.mjs';
import {qemuImg, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

// Were it read whole, the browser would run out of memory: the file is 64 GiB long, nearly all of it holes.
test('a sparse image of 64 GiB is checked by reading its tables only', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'large.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', image, '64G');
    const {page, trouble} = await app.open();
    expect(await choose(page, image)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('Cancel ends a check whose reads hang, and the next image opens', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'slow.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', image, '1G');
    await damageFile(image, leak);
    const {page, trouble} = await app.open();
    await hangReadsAfter(page, 1);
    await page.getByLabel('Choose image').setInputFiles(image);
    await page.getByRole('button', {name: 'Cancel', exact: true}).click();
    await page.locator('[data-state=empty], [data-state=done]').waitFor({state: 'attached'});
    expect(await choose(page, image)).toMatchObject({state: 'done', exit: '3'});
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
