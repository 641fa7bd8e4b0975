import {open} from 'node:fs/promises';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {choose, launch, settled, type App} from './page.mjs';
import {qemuCheck, qemuImg, qemuIo, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const decode = {name: 'Decode compressed clusters too', exact: true};

async function compressedImage(folder: string): Promise<string> {
  const image = path.join(folder, 'disk.qcow2');
  await qemuImg('create', '-q', '-f', 'qcow2', image, '16M');
  await qemuIo(image, 'write -c -P 0x11 0 64K', 'write -c -P 0x22 64K 64K', 'write -P 0x33 1M 64K');
  return image;
}

test('compressed clusters are decoded by request', async () => {
  await withFolder(async (folder) => {
    const {page, trouble} = await app.open();
    await choose(page, await compressedImage(folder));
    await page.getByRole('button', decode).click();
    await page.getByText('2 compressed clusters decoded: all can be read.').waitFor();
    expect(await settled(page)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('a compressed cluster that does not decode is found, which no check of the tables can', async () => {
  await withFolder(async (folder) => {
    const image = await compressedImage(folder);
    const file = await open(image, 'r+');
    const stream = Buffer.alloc(8);
    const l1 = Buffer.alloc(8);
    await file.read(l1, 0, 8, 40);
    await file.read(l1, 0, 8, Number(l1.readBigUInt64BE()));
    await file.read(stream, 0, 8, Number(l1.readBigUInt64BE() & 0x00ff_ffff_ffff_fe00n));
    // With clusters of 64 KiB the offset of a stream has 54 bits.
    await file.write(Buffer.alloc(16, 0xff), 0, 16, Number(stream.readBigUInt64BE() & ((1n << 54n) - 1n)));
    await file.close();
    expect((await qemuCheck(image)).exit).toBe(0);

    const {page, trouble} = await app.open();
    expect(await choose(page, image)).toMatchObject({verdict: 'healthy'});
    await page.getByRole('button', decode).click();
    await page.getByText('2 compressed clusters decoded: 1 broken.').waitFor();
    const found = await settled(page);
    expect(found.state).toBe('done');
    expect(found.verdict).not.toBe('healthy');
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
