import {execFile} from 'node:child_process';
import {readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {damageFile, zeroRefblock} from './damage';
import {choose, launch, repair, save, settled, type App} from './page.mjs';
import {fileHash, makeImage, qemuCheck, qemuImg, withFolder} from './qemu';

const run = promisify(execFile);

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

/** A hash of the file in the page's private folder. */
async function privateHash(page: Page, name: string): Promise<string> {
  return page.evaluate(async (wanted) => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle(wanted);
    const bytes = await (await handle.getFile()).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }, name);
}

/** Saves a report and returns its text. */
async function report(page: Page, folder: string, form: 'HTML' | 'JSON' | 'text'): Promise<string> {
  const file = path.join(folder, `report.${form}`);
  await save(page, file, `Save report (${form})`);
  return readFile(file, 'utf8');
}

test('xdelta3 makes of the saved patches what the page saves, and the original again', async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    await makeImage(at('disk.qcow2'), 'compat=1.1');
    await damageFile(at('disk.qcow2'), zeroRefblock);
    const {page, trouble} = await app.open();
    await choose(page, at('disk.qcow2'));
    await page.getByRole('button', {name: 'Repair', exact: true}).click();
    await save(page, at('planned.vcdiff'), 'Save patch');
    await page.getByRole('button', {name: 'Apply repair', exact: true}).click();
    await page.getByRole('button', {name: 'Undo', exact: true}).waitFor();
    await save(page, at('saved.qcow2'));
    await save(page, at('patch.vcdiff'), 'Save patch');
    await save(page, at('undo.vcdiff'), 'Save undo patch');
    expect(await fileHash(at('patch.vcdiff'))).toBe(await fileHash(at('planned.vcdiff')));
    expect((await stat(at('patch.vcdiff'))).size).toBeLessThan(2000);

    await run('xdelta3', ['-d', '-s', at('disk.qcow2'), at('patch.vcdiff'), at('patched.qcow2')]);
    expect(await fileHash(at('patched.qcow2'))).toBe(await fileHash(at('saved.qcow2')));
    await run('xdelta3', ['-d', '-s', at('saved.qcow2'), at('undo.vcdiff'), at('undone.qcow2')]);
    expect(await fileHash(at('undone.qcow2'))).toBe(await fileHash(at('disk.qcow2')));
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('a copy without data opens again and checks the same, and has nothing of the guest', async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    await makeImage(at('disk.qcow2'), 'compat=1.1');
    await damageFile(at('disk.qcow2'), zeroRefblock);
    const {page, trouble} = await app.open('private');
    const found = await choose(page, at('disk.qcow2'));
    await save(page, at('copy.tar.gz'), 'Save as archive');
    await page.getByText('A check finds in it what it finds in your file.').waitFor();
    await run('tar', ['-xzf', at('copy.tar.gz'), '-C', folder]);

    const copy = await readFile(at('skeleton.qcow2'));
    expect(await qemuCheck(at('skeleton.qcow2'))).toEqual(await qemuCheck(at('disk.qcow2')));
    for (const pattern of [0x11, 0x22, 0x33, 0x44, 0x55]) {
      expect((await readFile(at('disk.qcow2'))).includes(Buffer.alloc(64, pattern))).toBe(true);
      expect(copy.includes(Buffer.alloc(4, pattern))).toBe(false);
    }
    expect(copy.includes('before')).toBe(false);
    expect((await stat(at('copy.tar.gz'))).size).toBeLessThan(10_000);

    await page.getByLabel('Names of snapshots').check();
    await page.getByRole('button', {name: 'Save as image', exact: true}).click();
    const again = page.getByRole('button', {name: 'Check the saved copy'});
    await again.waitFor();
    const named = await privateHash(page, 'disk.skeleton.qcow2');
    expect(named).not.toBe(await fileHash(at('skeleton.qcow2')));
    await again.click();
    await again.waitFor({state: 'detached'});
    expect(await settled(page)).toEqual(found);
    expect(await choose(page, at('skeleton.qcow2'))).toEqual(found);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('as an image, the copy is the one in the archive', async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    await makeImage(at('disk.qcow2'), 'compat=1.1');
    const {page, trouble} = await app.open('none');
    await choose(page, at('disk.qcow2'));
    await save(page, at('copy.tar.gz'), 'Save as archive');
    await run('tar', ['-xzf', at('copy.tar.gz'), '-C', folder]);
    await save(page, at('downloaded.qcow2'), 'Save as image');
    expect(await fileHash(at('downloaded.qcow2'))).toBe(await fileHash(at('skeleton.qcow2')));
    await page.evaluate(() => {
      Object.assign(window, {
        showSaveFilePicker: async () => (await navigator.storage.getDirectory()).getFileHandle('chosen.qcow2', {create: true}),
      });
    });
    await page.getByRole('button', {name: 'Save as image', exact: true}).click();
    await page.getByRole('button', {name: 'Check the saved copy'}).waitFor();
    expect(await privateHash(page, 'chosen.qcow2')).toBe(await fileHash(at('skeleton.qcow2')));
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

const hostile = ['<img src=x onerror="window.broken=1">', '</title><script>window.broken=1</script>', '\u202egnp.exe & "x" \u0007'];

test('the report holds hostile names as text only', async () => {
  await withFolder(async (folder) => {
    const disk = path.join(folder, 'disk.qcow2');
    await makeImage(disk, 'compat=1.1');
    for (const name of hostile) {
      await qemuImg('snapshot', '-c', name, disk);
    }
    await damageFile(disk, zeroRefblock);
    const {page, trouble} = await app.open();
    await choose(page, disk);
    await repair(page);
    const html = await report(page, folder, 'HTML');
    const file = path.join(folder, 'report.html');
    await run('cp', [path.join(folder, 'report.HTML'), file]);

    const reader = await page.context().newPage();
    const requests: string[] = [];
    reader.on('request', (request) => requests.push(request.url()));
    await reader.goto(pathToFileURL(file).href);
    const seen = await reader.evaluate(() => ({
      broken: 'broken' in window,
      elements: document.querySelectorAll('img, script, a, iframe, link, object').length,
      text: document.body.innerText,
    }));
    expect(seen.broken).toBe(false);
    expect(seen.elements).toBe(0);
    expect(seen.text).toContain('<img src=x onerror="window.broken=1">');
    expect(seen.text).toContain('</title><script>window.broken=1</script>');
    expect(seen.text).toContain('\\u202egnp.exe & "x" \\a');
    expect(seen.text).toContain('What was changed before this check');
    expect(['\u202e', '\u0007'].filter((character) => html.includes(character))).toEqual([]);
    expect(requests).toEqual([pathToFileURL(file).href]);

    expect(await report(page, folder, 'text')).toContain('No errors were found on the image.');
    expect(JSON.parse(await report(page, folder, 'JSON'))).toMatchObject({verdict: {state: 'healthy'}});
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
