import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {violations} from './axe';
import {damageFile, zeroRefblock} from './damage';
import {choose, drop, launch, repair, settled, type App} from './page.mjs';
import {makeImage, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const images = (page: Page) => page.getByRole('navigation', {name: 'Open images'});
const verdictOf = async (page: Page) => (await settled(page)).verdict;

/** Two images, one of them damaged. */
async function two(folder: string): Promise<[string, string]> {
  const pair: [string, string] = [path.join(folder, 'healthy.qcow2'), path.join(folder, 'broken.qcow2')];
  for (const image of pair) {
    await makeImage(image, 'compat=1.1');
  }
  await damageFile(pair[1], zeroRefblock);
  return pair;
}

test('several images are open side by side; a repair that is not saved is not lost', async () => {
  await withFolder(async (folder) => {
    const [healthy, broken] = await two(folder);
    const {page, trouble} = await app.open();
    await choose(page, broken);
    expect(await images(page).count()).toBe(0);
    await repair(page);
    await drop(page, healthy);
    expect(await verdictOf(page)).toBe('healthy');
    const tabs = images(page).getByRole('button');
    expect(await tabs.evaluateAll((all) => all.map((b) => [b.getAttribute('aria-label') ?? b.textContent, b.getAttribute('aria-current')]))).toEqual([
      ['broken.qcow2', null],
      ['Close broken.qcow2', null],
      ['healthy.qcow2', 'true'],
      ['Close healthy.qcow2', null],
    ]);

    await images(page).getByRole('button', {name: 'broken.qcow2', exact: true}).click();
    await page.getByText('You see the image after', {exact: false}).first().waitFor();
    expect(await verdictOf(page)).toBe('healthy');
    await page.getByRole('button', {name: 'Undo', exact: true}).click();
    await expect.poll(() => page.locator('[role=status][data-state]').getAttribute('data-verdict')).toBe('damaged');

    for (const width of [1280, 390]) {
      await page.setViewportSize({width, height: 800});
      expect(await violations(page, '.open-images', 'header')).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    }

    await images(page).getByRole('button', {name: 'Close broken.qcow2'}).click();
    expect(await images(page).count()).toBe(0);
    expect(await verdictOf(page)).toBe('healthy');
    expect(page.workers()).toHaveLength(1);
    await page.getByRole('button', {name: 'Close image'}).click();
    await page.getByText('No image is open.').waitFor();
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('several files are chosen at once', async () => {
  await withFolder(async (folder) => {
    const {page} = await app.open();
    await page.getByLabel('Choose image').setInputFiles(await two(folder));
    await images(page).waitFor();
    expect(await images(page).getByRole('listitem').allInnerTexts()).toEqual(['healthy.qcow2', 'broken.qcow2']);
    expect(await verdictOf(page)).toBe('healthy');
    await images(page).getByRole('button', {name: 'broken.qcow2', exact: true}).click();
    expect(await verdictOf(page)).toBe('damaged');
    await page.context().close();
  });
});

test('images of the same name are told apart by numbers', async () => {
  await withFolder(async (folder) => {
    const same = ['one', 'other'].map((part) => path.join(folder, part, 'disk.qcow2'));
    const {page} = await app.open();
    for (const image of same) {
      await mkdir(path.dirname(image));
      await makeImage(image, 'compat=1.1');
      await drop(page, image);
      expect(await verdictOf(page)).toBe('healthy');
    }
    const row = images(page);
    const names = () => row.getByRole('listitem').allInnerTexts();
    await expect.poll(names).toEqual(['disk.qcow2', expect.stringMatching(/^disk\.qcow2\s+\(2\)$/)]);
    await row.getByRole('button', {name: 'disk.qcow2 (2)', exact: true}).waitFor();
    await row.getByRole('button', {name: 'Close disk.qcow2', exact: true}).waitFor();
    await drop(page, (await two(folder))[0]);
    expect(await verdictOf(page)).toBe('healthy');
    await row.getByRole('button', {name: 'Close disk.qcow2', exact: true}).click();
    await expect.poll(names).toEqual(['disk.qcow2', 'healthy.qcow2']);
    expect(await row.getByRole('button', {name: /^Close/}).evaluateAll((all) => all.map((b) => b.getAttribute('aria-label')))).toEqual([
      'Close disk.qcow2',
      'Close healthy.qcow2',
    ]);
    await page.context().close();
  });
});

test('an image is pasted', async () => {
  const {page} = await app.open();
  await page.evaluate(async () => {
    const data = new DataTransfer();
    data.items.add(new File([await (await fetch('samples/lost_refcounts.qcow2')).blob()], 'pasted.qcow2'));
    document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
  });
  expect(await verdictOf(page)).toBe('damaged');
  expect(await page.locator('.file-chip').innerText()).toContain('pasted.qcow2');
  await page.context().close();
});

test('an image is opened that the system hands over', async () => {
  const {page} = await app.open();
  // A browser without a window manager launches nothing: the queue is stood in for, the handle is real.
  await page.addInitScript(() => {
    Object.defineProperty(window, 'launchQueue', {
      value: {setConsumer: (consumer: unknown) => Object.assign(window, {launched: consumer})},
    });
  });
  await page.reload();
  await page.evaluate(async () => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle('launched.qcow2', {create: true});
    const target = await handle.createWritable();
    await target.write(await (await fetch('samples/lost_refcounts.qcow2')).blob());
    await target.close();
    const {launched} = window as unknown as {launched: (params: {files: FileSystemHandle[]}) => void};
    launched({files: [handle]});
  });
  expect(await verdictOf(page)).toBe('damaged');
  expect(await page.locator('.file-chip').innerText()).toContain('launched.qcow2');
  await page.context().close();
});
