import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {damageFile, zeroRefblock} from './damage';
import {choose, launch, repair, save, type App} from './page.mjs';
import {makeImage, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

test('once an image is chosen, requests only fetch the page’s own files', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'secret-name.qcow2');
    await makeImage(image, 'compat=1.1');
    await damageFile(image, zeroRefblock);

    const {page, requests, trouble} = await app.open();
    await page.waitForLoadState('networkidle');
    const loaded = requests.length;
    await choose(page, image);
    await repair(page);
    await save(page, path.join(folder, 'saved.qcow2'));

    const later = requests.slice(loaded).filter((r) => !r.url.startsWith('blob:'));
    for (const {url, method, body} of later) {
      expect(new URL(url).origin).toBe(new URL(app.url).origin);
      expect(new URL(url).search).toBe('');
      expect(url).not.toContain('secret');
      expect({method, body}).toEqual({method: 'GET', body: ''});
    }
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('the browser itself refuses to send anything elsewhere', async () => {
  const {page, trouble} = await app.open();
  const sent = await page.evaluate(() =>
    fetch('http://127.0.0.1:9/', {method: 'POST', body: 'bytes'}).then(
      () => 'sent',
      () => 'refused',
    ),
  );
  expect(sent).toBe('refused');
  expect(trouble.join('\n')).toMatch(/Content Security Policy/);
  await page.context().close();
});
