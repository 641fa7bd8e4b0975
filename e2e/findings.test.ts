import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {looks, violations} from './axe';
import {damageFile, leak, lostRefcount, wrongCopied} from './damage';
import {makeLeakyImage} from './many';
import {choose, launch, type App} from './page.mjs';
import {makeImage, qemuCheck, withFolder} from './qemu';

const MANY = 1_100_000;

/** For what the core has to look up. */
const patient = {timeout: 60_000};

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const findings = (page: Page): Locator => page.getByRole('region', {name: 'Findings'});
const rowsIn = (page: Page): Locator => findings(page).getByRole('listbox').getByRole('option');
const detail = (page: Page): Locator => findings(page).getByRole('article', {name: 'Selected finding'});

test('more than a million findings: each can be reached, few are there at a time', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'leaky.qcow2');
    await makeLeakyImage(image, MANY);
    expect(await qemuCheck(image)).toEqual({exit: 3, corruptions: 0, leaks: MANY});

    const {page, trouble} = await app.open();
    expect(await choose(page, image)).toMatchObject({state: 'done', exit: '3'});
    const group = findings(page).getByRole('listitem').filter({hasText: 'Space is marked as used, but nothing uses it'});
    await group.getByRole('button', {name: /Show 1,100,000 places/}).click();
    const list = findings(page).getByRole('listbox', {name: /Space is marked as used/});
    const rows = list.getByRole('option');
    await expect.poll(() => rows.first().innerText(), patient).toContain('refcount[');
    expect(await rows.first().getAttribute('aria-setsize')).toBe(String(MANY));
    expect(await rows.count()).toBeLessThan(30);

    // The last one by key, the middle by dragging the bar.
    await list.focus();
    await page.keyboard.press('End');
    await expect.poll(() => list.getByRole('option', {selected: true}).innerText(), patient).toContain('1,100,000');
    await expect.poll(() => detail(page).innerText(), patient).toMatch(/refcount stored\s+[12]/);
    expect(await detail(page).innerText()).toMatch(/references counted\s+0 differs/);
    const box = findings(page).locator('.rows-scroll');
    await box.evaluate((element) => {
      element.scrollTop = element.scrollHeight / 2;
    });
    await expect.poll(async () => Number(await rows.first().getAttribute('aria-posinset')), patient).toBeGreaterThan(MANY * 0.4);
    await expect.poll(() => rows.first().innerText(), patient).toContain('refcount[');
    expect(Number(await rows.first().getAttribute('aria-posinset'))).toBeLessThan(MANY * 0.6);

    // One of them by its place.
    await page.getByLabel('Filter the findings').fill('refcount[777777]');
    await expect.poll(() => rowsIn(page).count(), patient).toBe(1);
    await rowsIn(page).click();
    await expect.poll(() => detail(page).innerText(), patient).toContain('refcount[777777]');
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

/** An image with leaks, a lost refcount and a wrong flag. */
async function damaged(folder: string): Promise<string> {
  const image = path.join(folder, 'disk.qcow2');
  await makeImage(image, 'compat=1.1');
  for (const damage of [leak, lostRefcount, wrongCopied]) {
    await damageFile(image, damage);
  }
  return image;
}

describe('each finding', () => {
  test('says what, where, what it means, what can be done, and the evidence; leads to map and bytes', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      await choose(page, await damaged(folder));
      await findings(page).getByRole('button', {name: 'Next'}).click();
      await expect.poll(() => detail(page).innerText(), patient).toContain('Read as');
      const text = await detail(page).innerText();
      for (const part of ['Danger', 'Where', 'What it means', 'What can be done', 'Evidence', 'qemu-img says', 'refcount stored', 'references counted', 'Who points here', 'l2[0][0]']) {
        expect(text).toContain(part);
      }
      expect(await findings(page).innerText()).toContain('Finding 1 of');
      const place = detail(page).getByRole('listitem').filter({hasText: 'In the file'});
      await place.getByRole('button', {name: 'Map of the file'}).click();
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('map');
      await place.getByRole('button', {name: 'Bytes of the file'}).click();
      expect(await page.evaluate(() => document.activeElement?.closest('section.panel')?.getAttribute('aria-label'))).toBe('Hex');
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('is reached by next and previous, over all kinds and back', async () => {
    await withFolder(async (folder) => {
      const {page} = await app.open();
      await choose(page, await damaged(folder));
      const seen: string[] = [];
      for (;;) {
        await page.keyboard.press('n');
        const steps = findings(page).locator('.steps');
        await expect.poll(() => steps.innerText(), patient).toContain(`Finding ${seen.length + 1} of`);
        await expect.poll(() => detail(page).locator('.what').innerText(), patient).not.toBe(seen.at(-1) ?? '');
        seen.push(await detail(page).locator('.what').innerText());
        const total = /of (\d+)/.exec(await steps.innerText())?.[1];
        if (seen.length === Number(total)) {
          break;
        }
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThanOrEqual(3);
      await page.keyboard.press('p');
      await expect.poll(() => detail(page).locator('.what').innerText(), patient).toBe(seen.at(-2));
      await page.context().close();
    });
  });
});

test('filtered by severity, by kind, by words and by place', async () => {
  await withFolder(async (folder) => {
    const {page} = await app.open();
    await choose(page, await damaged(folder));
    const titles = () => findings(page).locator('.group-title').allInnerTexts();
    const all = await titles();
    expect(all.length).toBeGreaterThanOrEqual(3);
    await findings(page).getByRole('button', {name: /^Waste/}).click();
    expect(await titles()).toEqual(['Space is marked as used, but nothing uses it']);
    await findings(page).getByRole('button', {name: /^Waste/}).click();
    await findings(page).getByLabel('Only this kind of findings').selectOption('refcount-zero');
    expect(await titles()).toEqual(['Clusters in use are marked free']);
    await findings(page).getByLabel('Only this kind of findings').selectOption('');
    const filter = page.getByLabel('Filter the findings');
    await filter.fill('l2[0][0]');
    await expect.poll(titles, patient).toEqual(['Wrong flags in the mapping tables (L2)']);
    await expect.poll(() => rowsIn(page).count(), patient).toBe(1);
    await filter.fill('0xffffffffff');
    await expect.poll(() => findings(page).innerText(), patient).toContain('No finding fits the filter.');
    await findings(page).getByRole('button', {name: 'Show all'}).click();
    expect(await titles()).toEqual(all);
    await page.context().close();
  });
});

test.each(looks(1))('with a finding open no accessibility rule is broken: $width px, $colorScheme', async ({width, colorScheme}) => {
  await withFolder(async (folder) => {
    const {page} = await app.open();
    await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
    await page.setViewportSize({width, height: 844});
    await choose(page, await damaged(folder));
    await page.keyboard.press('n');
    await expect.poll(() => detail(page).innerText(), patient).toContain('Read as');
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await page.context().close();
  });
});
