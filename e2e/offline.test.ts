import {cp, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {pageDir} from '../scripts/paths.mjs';
import {serve} from '../scripts/serve.mjs';
import {choose, launch, type App} from './page.mjs';
import {makeImage, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

/** The page from a server of its own, with its service worker. */
async function visit(url: string): Promise<{page: Page; trouble: string[]}> {
  const context = await app.browser.newContext();
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on('pageerror', (e) => trouble.push(e.message));
  await page.goto(url);
  await page.getByText('works without a network').waitFor();
  return {page, trouble};
}

test('without a network the page loads, opens an image and offers its samples', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'secret.qcow2');
    await makeImage(image, 'compat=1.1');
    const server = await serve({folder: pageDir, port: 0});
    const {page, trouble} = await visit(server.url);
    await server.close();
    await page.reload();
    await page.getByRole('heading', {name: 'No image at hand?', exact: false}).waitFor();
    expect((await choose(page, image)).verdict).toBe('healthy');
    expect(trouble).toEqual([]);

    const kept = await page.evaluate(async () => {
      const urls: string[] = [];
      for (const name of await caches.keys()) {
        urls.push(...(await (await caches.open(name)).keys()).map((request) => request.url));
      }
      return {urls, databases: (await indexedDB.databases()).length};
    });
    expect(kept.urls.some((url) => url.includes('engine.wasm'))).toBe(true);
    expect(kept.urls.filter((url) => url.includes('secret'))).toEqual([]);
    expect(kept.databases).toBe(0);
    await page.context().close();
  });
});

test('a newer version is announced, and taken only when asked for', async () => {
  await withFolder(async (folder) => {
    const site = path.join(folder, 'site');
    await cp(pageDir, site, {recursive: true});
    const index = path.join(site, 'index.html');
    const worker = path.join(site, 'sw.js');
    const old = await readFile(index, 'utf8');
    const server = await serve({folder: site, port: 0});
    const {page} = await visit(server.url);
    await page.reload();

    // A newer version: another page, and so another revision in the worker's list.
    await writeFile(index, old.replace('<title>qcowscope</title>', '<title>qcowscope, newer</title>'));
    const list = await readFile(worker, 'utf8');
    const newer = list.replace(/(url:"index\.html",revision:")[0-9a-f]+|(revision:")[0-9a-f]+(",url:"index\.html")/, '$1$2ffff$3');
    expect(newer).not.toBe(list);
    await writeFile(worker, newer);
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    await page.getByText('There is a newer version').waitFor();
    expect(await page.title()).toBe('qcowscope');

    await page.getByRole('button', {name: 'Load it now'}).click();
    await expect.poll(() => page.title(), {timeout: 30_000}).toBe('qcowscope, newer');
    await page.context().close();
    await server.close();
  });
});

test('the browser would install it, and open .qcow2 files with it', async () => {
  const server = await serve({folder: pageDir, port: 0});
  const {page} = await visit(server.url);
  const client = await page.context().newCDPSession(page);
  const {installabilityErrors} = await client.send('Page.getInstallabilityErrors');
  expect(installabilityErrors.filter((e) => e.errorId !== 'in-incognito')).toEqual([]);
  const {data, errors} = await client.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  const manifest = JSON.parse(data ?? '') as {file_handlers: {accept: Record<string, string[]>}[]; icons: {src: string}[]};
  expect(Object.values(manifest.file_handlers[0]?.accept ?? {}).flat()).toContain('.qcow2');
  for (const {src} of manifest.icons) {
    expect((await fetch(new URL(src, server.url))).status, src).toBe(200);
  }
  await page.context().close();
  await server.close();
});
