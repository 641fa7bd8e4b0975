import {execFile} from 'node:child_process';
import {copyFile} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {damageFile, zeroReftable} from './damage';
import {choose, launch, save, type App} from './page.mjs';
import {fileHash, makeImage, withFolder} from './qemu';

const run = promisify(execFile);

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

/** The command line, as it is in this tree. */
async function commandLine(folder: string): Promise<string> {
  const program = path.join(folder, 'qcowscope');
  await run('go', ['build', '-o', program, './cmd/qcowscope'], {cwd: path.join(import.meta.dirname, '..')});
  return program;
}

test('the saved plan, applied on the command line, makes the image that the page saves; the undo plan takes it back', async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    await makeImage(at('disk.qcow2'), 'compat=1.1');
    await damageFile(at('disk.qcow2'), zeroReftable);
    const program = await commandLine(folder);

    const {page, trouble} = await app.open();
    await choose(page, at('disk.qcow2'));
    await page.getByRole('button', {name: 'Repair', exact: true}).click();
    await page.getByText('As JSON, to read or for qcowscope').click();
    await save(page, at('before.json'), 'Save plan');
    await page.getByRole('button', {name: 'Apply repair', exact: true}).click();
    await page.getByRole('button', {name: 'Undo', exact: true}).waitFor();
    await save(page, at('saved.qcow2'));
    await save(page, at('plan.json'), 'Save plan');
    await save(page, at('undo.json'), 'Save undo plan');
    expect(await fileHash(at('plan.json'))).toBe(await fileHash(at('before.json')));

    await run(program, ['apply', at('disk.qcow2'), at('plan.json'), '-o', at('applied.qcow2')]);
    expect(await fileHash(at('applied.qcow2'))).toBe(await fileHash(at('saved.qcow2')));
    await copyFile(at('saved.qcow2'), at('copy.qcow2'));
    await run(program, ['apply', at('copy.qcow2'), at('undo.json'), '-o', at('undone.qcow2')]);
    expect(await fileHash(at('undone.qcow2'))).toBe(await fileHash(at('disk.qcow2')));
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
