import {mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {shareOf} from './axe';
import {choose, launch, type App} from './page.mjs';
import {qemuImg, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const create = (format: string) => (file: string) => qemuImg('create', '-q', '-f', format, file, '1M');

/** Files that are no qcow2 image, how to make them, and what the page must call them. */
const files: {name: string; make: (file: string) => Promise<unknown>; says: RegExp}[] = [
  {name: 'raw.img', make: create('raw'), says: /raw|not a qcow2/i},
  {name: 'disk.vmdk', make: create('vmdk'), says: /VMDK/},
  {name: 'disk.vhdx', make: create('vhdx'), says: /VHDX/},
  {name: 'disk.vdi', make: create('vdi'), says: /VDI/},
  {name: 'old.qcow', make: create('qcow'), says: /version 1|qcow1|qcow \(/i},
  {name: 'disk.qcow2.gz', make: gzipped, says: /gzip/i},
  {name: 'empty.qcow2', make: (file) => writeFile(file, ''), says: /empty/i},
  {name: 'short.qcow2', make: (file) => writeFile(file, Buffer.from('QFI\xfb\0\0\0\x03', 'latin1')), says: /header|short|cut/i},
];

async function gzipped(file: string): Promise<void> {
  const image = `${file}.plain`;
  await qemuImg('create', '-q', '-f', 'qcow2', image, '1M');
  await writeFile(file, gzipSync(await readFile(image)));
}

test.each(shareOf(files, 1, 2))('$name is explained, and the next image opens', async ({name, make, says}) => {
  await withFolder(async (folder) => {
    await mkdir(path.join(folder, 'in'));
    const file = path.join(folder, 'in', name);
    await make(file);
    const good = path.join(folder, 'good.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', good, '1M');

    const {page, trouble} = await app.open();
    const refused = await choose(page, file);
    expect(refused.state).toBe('failed');
    expect(refused.text).toMatch(says);
    expect(await choose(page, good)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('an image of a newer program is not called damaged', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'newer.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', image, '1M');
    const bytes = await readFile(image);
    bytes.writeUInt8(1, 74); // incompatible_features, bit 40
    await writeFile(image, bytes);

    const {page, trouble} = await app.open();
    expect(await choose(page, image)).toMatchObject({state: 'done', verdict: 'newer', exit: '1'});
    const status = page.locator('[role=status][data-state]');
    expect(await status.locator('.kicker').textContent()).toBe('Made by a newer program');
    expect(await status.textContent()).not.toMatch(/damaged?/i);
    expect(await page.getByRole('list', {name: 'Findings by severity'}).textContent()).not.toMatch(/damage/i);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

const markup = '<img src=x onerror=alert(1)>';

test('names from the file system and from the image stay text', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, `${markup}.qcow2`);
    await qemuImg('create', '-q', '-u', '-f', 'qcow2', '-b', markup, '-F', 'raw', image, '1M');

    const {page, trouble} = await app.open();
    page.on('dialog', (dialog) => {
      trouble.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await choose(page, image);
    expect(await page.locator('img[src=x]').count()).toBe(0);
    expect(await page.getByText(markup).count()).toBeGreaterThan(0);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
