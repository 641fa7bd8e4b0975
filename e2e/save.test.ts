import {appendFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {damageFile, zeroRefblock} from './damage';
import {choose, launch, repair, save, settled, type App} from './page.mjs';
import {fileHash, guestHash, makeImage, qemuCheck, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

/** A damaged image, what its guest must read, and the page on which it is open. */
async function damaged(folder: string, picker: 'none' | 'private') {
  const image = path.join(folder, 'disk.qcow2');
  await makeImage(image, 'compat=1.1');
  const guest = await guestHash(image);
  await damageFile(image, zeroRefblock);
  const watched = await app.open(picker);
  await choose(watched.page, image);
  return {image, guest, ...watched};
}

/** The only file in the page's private folder. */
async function privateFile(page: Page): Promise<Buffer> {
  const base64 = await page.evaluate(async () => {
    for await (const handle of (await navigator.storage.getDirectory()).values()) {
      if (handle instanceof FileSystemFileHandle) {
        const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
        return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''));
      }
    }
    throw new Error('nothing was saved');
  });
  return Buffer.from(base64, 'base64');
}

test('saved to a chosen place, the copy is whole, and can be checked at once', async () => {
  await withFolder(async (folder) => {
    const {page, guest, trouble} = await damaged(folder, 'private');
    await repair(page);
    await page.getByRole('button', {name: 'Save repaired image', exact: true}).click();
    const again = page.getByRole('button', {name: 'Check the saved copy'});
    await again.waitFor();
    const saved = path.join(folder, 'saved.qcow2');
    await writeFile(saved, await privateFile(page));
    expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
    expect(await guestHash(saved)).toBe(guest);
    await again.click();
    await again.waitFor({state: 'detached'});
    expect(await settled(page)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('Undo gives the image back as it was, and the plan can be applied again', async () => {
  await withFolder(async (folder) => {
    const {page, image, trouble} = await damaged(folder, 'none');
    await repair(page);
    const [first, second] = [path.join(folder, 'first.qcow2'), path.join(folder, 'second.qcow2')];
    await save(page, first);
    await page.getByRole('button', {name: 'Undo', exact: true}).click();
    await page.getByRole('button', {name: 'Undo', exact: true}).waitFor({state: 'detached'});
    expect(await settled(page)).toMatchObject({state: 'done', exit: String((await qemuCheck(image)).exit)});
    expect(await page.getByRole('button', {name: 'Save repaired image', exact: true}).count()).toBe(0);
    await page.getByRole('button', {name: 'Apply repair', exact: true}).click();
    await page.getByRole('button', {name: 'Undo', exact: true}).waitFor();
    expect(await settled(page)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
    await save(page, second);
    expect(await fileHash(second)).toBe(await fileHash(first));
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('a file that changed since it was opened is not saved', async () => {
  await withFolder(async (folder) => {
    const {page, image} = await damaged(folder, 'private');
    await repair(page);
    await appendFile(image, 'a virtual machine writes');
    await page.getByRole('button', {name: 'Save repaired image', exact: true}).click();
    await page.getByRole('complementary', {name: 'The file changed'}).waitFor();
    expect(await page.getByRole('button', {name: 'Check the saved copy'}).count()).toBe(0);
    await page.context().close();
  });
});
