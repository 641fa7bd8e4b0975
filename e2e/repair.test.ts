import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {shareOf} from './axe';
import {damageFile, leak, lostRefcount, wrongCopied, zeroRefblock, zeroReftable, type Damage} from './damage';
import {choose, drop, launch, repair, save, type App} from './page.mjs';
import {fileHash, guestHash, makeImage, qemuCheck, withFolder} from './qemu';

/** Damage of which all that the guest wrote can be saved. */
const damages: readonly {name: string; options: string; damage: Damage; exit: number; give: typeof choose}[] = [
  {name: 'refblock zeroed', options: 'compat=1.1', damage: zeroRefblock, exit: 2, give: choose},
  {name: 'reftable zeroed', options: 'compat=1.1', damage: zeroReftable, exit: 2, give: drop},
  {name: 'leaked cluster', options: 'compat=1.1', damage: leak, exit: 3, give: drop},
  {name: 'COPIED wrong', options: 'compat=1.1', damage: wrongCopied, exit: 2, give: choose},
  {name: 'refcount lost', options: 'compat=1.1', damage: lostRefcount, exit: 2, give: choose},
  {name: 'refcount lost, version 2', options: 'compat=0.10', damage: lostRefcount, exit: 2, give: drop},
  {name: 'refblock zeroed, 4 KiB clusters', options: 'cluster_size=4k', damage: zeroRefblock, exit: 2, give: choose},
  {name: 'refblock zeroed, extended L2', options: 'extended_l2=on', damage: zeroRefblock, exit: 2, give: drop},
  {name: 'COPIED wrong, extended L2', options: 'extended_l2=on', damage: wrongCopied, exit: 2, give: choose},
];

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

test.each(shareOf(damages, 1, 2))('$name: repaired and saved, qemu-img finds nothing, the guest finds all', async ({options, damage, exit, give}) => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeImage(image, options);
    const guest = await guestHash(image);
    await damageFile(image, damage);
    expect((await qemuCheck(image)).exit).toBe(exit);
    const before = await fileHash(image);

    const {page, trouble} = await app.open();
    const found = await give(page, image);
    expect(found).toMatchObject({state: 'done', exit: String(exit)});

    expect(await repair(page)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
    const saved = path.join(folder, 'saved.qcow2');
    await save(page, saved);
    expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
    expect(await guestHash(saved)).toBe(guest);
    expect(await fileHash(image)).toBe(before);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
