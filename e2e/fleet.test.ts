import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {buildEdge} from '../scripts/edge-build.mjs';
import {startLocal, type LocalEdge} from '../scripts/edge-local.mjs';
import {shareOf, violations} from './axe';
import {damageFile, zeroRefblock} from './damage';
import {launch, repair, save, settled, type App} from './page.mjs';
import {guestHash, makeImage, qemuCheck, withFolder} from './qemu';

const token = 'a token for the tests';
const hostile = '<img src=x onerror=alert(1)>\u202e.qcow2';

let state: string;
let edge: LocalEdge;
let app: App;
beforeAll(async () => {
  await buildEdge(() => undefined);
  state = await mkdtemp(path.join(tmpdir(), 'fleet-'));
  edge = await startLocal({folder: state, token, requests: 100_000});
  app = await launch(edge.url);
  await withFolder(async (folder) => {
    await put(folder, 'vms/healthy.qcow2', false);
    await put(folder, 'vms/broken.qcow2', true);
    await put(folder, hostile, false);
  });
}, 300_000);
afterAll(async () => {
  await app.close();
  await edge.close();
  await rm(state, {recursive: true});
});

/** Makes an image and puts it into the bucket. */
async function put(folder: string, key: string, broken: boolean): Promise<void> {
  const image = path.join(folder, 'made.qcow2');
  await makeImage(image, 'compat=1.1');
  if (broken) {
    await damageFile(image, zeroRefblock);
  }
  const bytes = await readFile(image);
  await (await edge.bucket()).put(key, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

async function signIn(page: Page, as = token): Promise<void> {
  await page.getByLabel('Token').fill(as);
  await page.getByRole('button', {name: 'Sign in'}).click();
}

const rows = (page: Page) => page.locator('main.fleet tbody tr');
const row = (page: Page, key: string) => rows(page).filter({hasText: key});

describe('the images on the server', () => {
  test('are listed after signing in, checked as one run, and shown worst first', async () => {
    const {page, requests} = await app.open();
    await signIn(page, 'another token');
    await page.getByText('does not know this token').waitFor();
    await signIn(page);
    await page.getByRole('heading', {name: 'Images on this server'}).waitFor();
    await page.getByText('3 images of 3 not checked yet').waitFor();

    await page.getByRole('button', {name: 'Check all'}).click();
    await page.getByText('Done: 3 images').waitFor();
    await page.getByText('1 image of 3 is corrupt').waitFor();
    expect(await rows(page).first().innerText()).toContain('vms/broken.qcow2');
    expect(await row(page, 'vms/healthy.qcow2').innerText()).toContain('Clean');
    expect(await page.locator('main.fleet img').count()).toBe(0);
    expect(await page.locator('main.fleet').innerText()).toContain('<img src=x onerror=alert(1)>⟨U+202E⟩.qcow2');

    await page.getByLabel('Filter by name').fill('healthy');
    expect(await rows(page).count()).toBe(1);
    await page.getByLabel('Filter by name').fill('');
    await page.getByRole('button', {name: /^Corrupt/}).click();
    expect(await rows(page).count()).toBe(1);
    expect(requests.every(({url}) => new URL(url).origin === new URL(app.url).origin && !url.includes(token))).toBe(true);
    await page.context().close();
  });

  test('are opened where they lie, by ranges; the repair is a patch to be applied there', async () => {
    await withFolder(async (folder) => {
      const {page, requests, trouble} = await app.open();
      await signIn(page);
      await row(page, 'vms/broken.qcow2').getByRole('button', {name: 'Open vms/broken.qcow2'}).click();
      expect(await settled(page)).toMatchObject({verdict: 'damaged', exit: '2'});
      const read = requests.filter(({url}) => url.endsWith('/content'));
      expect(read.length).toBeGreaterThan(0);

      await repair(page);
      await page.getByText('a whole copy of it is not made here').waitFor();
      expect(await page.getByRole('button', {name: 'Save repaired image'}).count()).toBe(0);
      const patch = path.join(folder, 'patch.vcdiff');
      await save(page, patch, 'Save patch');
      const original = path.join(folder, 'original.qcow2');
      await makeImage(original, 'compat=1.1');
      const guest = await guestHash(original);
      await damageFile(original, zeroRefblock);
      const repaired = path.join(folder, 'repaired.qcow2');
      await promisify(execFile)('xdelta3', ['-d', '-s', original, patch, repaired]);
      expect(await qemuCheck(repaired)).toEqual({exit: 0, corruptions: 0, leaks: 0});
      expect(await guestHash(repaired)).toBe(guest);

      await page.getByRole('button', {name: 'Images on the server'}).click();
      await page.getByRole('heading', {name: 'Images on this server'}).waitFor();
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('show how they have developed', async () => {
    const {page} = await app.open();
    await signIn(page);
    await row(page, 'vms/healthy.qcow2').getByText('first check').waitFor();
    await withFolder((folder) => put(folder, 'vms/healthy.qcow2', true));
    await page.getByRole('button', {name: 'Refresh'}).click();
    await row(page, 'vms/healthy.qcow2').getByText('changed since').waitFor();
    await row(page, 'vms/healthy.qcow2').getByRole('button', {name: 'Check vms/healthy.qcow2'}).click();
    await row(page, 'vms/healthy.qcow2').getByText('worse').waitFor();
    await page.context().close();
  });

  test.each(shareOf([1280, 390], 1, 2))('break no accessibility rule at %i px', async (width) => {
    const {page} = await app.open();
    await page.setViewportSize({width, height: 900});
    await page.getByLabel('Token').waitFor();
    expect(await violations(page)).toEqual([]);
    await signIn(page);
    await rows(page).first().waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await page.context().close();
  });
});
