import {readFile} from 'node:fs/promises';
import path from 'node:path';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {harmIn, makeHostileDataFile, makeHostileImage, MARK, watchPolicy} from './hostile';
import {choose, launch, save, type App} from './page.mjs';
import {withFolder} from './qemu';

const patient = {timeout: 60_000};

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

/** A page of the app whose policy is watched. */
async function watched(): Promise<{page: Page; trouble: string[]}> {
  const {page, trouble} = await app.open();
  await watchPolicy(page);
  await page.reload();
  return {page, trouble};
}

/** Opens all that can be unfolded, and scrolls to everything that is made when it comes into sight. */
async function unfold(page: Page): Promise<void> {
  for (const key of '12345678') {
    await page.keyboard.press(key);
    await page.waitForTimeout(150);
  }
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) {
      details.open = true;
    }
    for (const button of document.querySelectorAll<HTMLElement>('main button[aria-expanded="false"]')) {
      button.click();
    }
  });
  await page.waitForTimeout(500);
}

test('the watch sees harm where there is some', async () => {
  const {page} = await watched();
  await page.evaluate((mark) => {
    document.body.insertAdjacentHTML('beforeend', `<p title="\u0007"><img src="x" onerror="owned=1">${mark}\u202e</p>`);
    Object.assign(window, {owned: 1});
  }, MARK);
  await page.waitForTimeout(200);
  const harm = (await harmIn(page)).join('\n');
  for (const kind of ['a script ran', 'the policy had to stop', 'an element was made', 'P title has characters', 'text in P  has characters', 'not kept apart']) {
    expect(harm).toContain(kind);
  }
  await page.context().close();
});

test('names full of markup, turned text and hidden characters are text on every screen', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, `${MARK}<img src=x onerror=owned=8>\u202e&lt;.qcow2`);
    await makeHostileImage(image);
    const {page, trouble} = await watched();
    expect(await choose(page, image)).toMatchObject({state: 'done'});
    expect(await harmIn(page)).toEqual([]);
    await unfold(page);
    expect(await harmIn(page)).toEqual([]);

    // It is there, and not only kept out of sight.
    const main = page.locator('main');
    for (const kind of ['snapshot-1', 'snapshot-2', 'bitmap-1', 'backing']) {
      await expect.poll(() => main.innerText(), patient).toContain(`${MARK}-${kind}`);
    }
    const text = await main.innerText();
    expect(text).toContain('<img src=x onerror=');
    expect(text).toContain('\u27e8U+202E\u27e9');
    expect(text).toContain('\u2407'); // the picture of BEL

    await page.keyboard.press('n');
    await expect.poll(() => page.getByRole('article', {name: 'Selected finding'}).innerText(), patient).toContain('Evidence');
    await page.keyboard.press('?');
    expect(await harmIn(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.keyboard.type(MARK);
    await page.waitForTimeout(300);
    expect(await harmIn(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('hidden characters of a header and its table of features are named in the hex view', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeHostileImage(image);
    const {page, trouble} = await watched();
    await choose(page, image);
    await page.keyboard.press('5');
    const grid = page.getByRole('grid', {name: 'Bytes of the file'});
    await grid.waitFor();
    await grid.focus();
    const seen: string[] = [];
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('ArrowDown');
      seen.push(await page.locator('.field-card').innerText());
    }
    expect(seen.join('\n')).toContain(MARK);
    expect(await harmIn(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('the name of a data file is text, too', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.qcow2');
    await makeHostileDataFile(image, folder);
    const {page, trouble} = await watched();
    await choose(page, image);
    await unfold(page);
    expect(await page.locator('main').innerText()).toContain(`${MARK}<img src=x`);
    expect(await harmIn(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test('the report as a page of its own runs nothing, makes nothing and hides nothing', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, `${MARK}<img src=x onerror=owned=9>.qcow2`);
    await makeHostileImage(image);
    const {page} = await watched();
    await choose(page, image);
    const saved = path.join(folder, 'report.html');
    await save(page, saved, 'Save report (HTML)');
    const html = await readFile(saved, 'utf8');
    expect(html).toContain(`${MARK}-snapshot-1`);

    const alone = await page.context().newPage();
    const requests: string[] = [];
    alone.on('request', (request) => requests.push(request.url()));
    await watchPolicy(alone);
    await alone.goto(`file://${encodeURI(saved)}`);
    expect(await harmIn(alone)).toEqual([]);
    expect(await alone.locator('body').innerText()).toContain('<img src=x onerror=');
    expect(await alone.title()).toContain(MARK);
    expect(requests).toHaveLength(1);
    await page.context().close();
  });
});
