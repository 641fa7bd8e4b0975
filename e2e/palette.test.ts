import path from 'node:path';
import type {Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {looks, shareOf, violations} from './axe';
import {damageFile, zeroRefblock} from './damage';
import {choose, launch, repair, settled, type App} from './page.mjs';
import {makeImage, withFolder} from './qemu';

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const paletteOf = (page: Page) => page.getByRole('dialog', {name: 'Commands', exact: true});
const inputOf = (page: Page) => paletteOf(page).getByRole('combobox', {name: 'Command or place'});
const options = (page: Page) => paletteOf(page).getByRole('option');
const fragment = (page: Page) => new URL(page.url()).hash;
const cursor = (page: Page) => page.getByRole('grid', {name: 'Bytes of the file'}).locator('[aria-selected=true]').getAttribute('data-at');

/** A damaged image with a name that must never be seen in an address. */
async function withDamaged(use: (image: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'my-secret-disk.qcow2');
    await makeImage(image, 'compat=1.1');
    await damageFile(image, zeroRefblock);
    await use(image);
  });
}

/** Types into the list of commands, and runs the first that is found. */
async function command(page: Page, text: string, name: string | RegExp): Promise<void> {
  await page.keyboard.press('Control+k');
  await inputOf(page).fill(text);
  const first = options(page).first();
  await first.and(paletteOf(page).getByRole('option', {name})).waitFor();
  expect(await first.getAttribute('aria-selected')).toBe('true');
  await page.keyboard.press('Enter');
  await paletteOf(page).waitFor({state: 'detached'});
}

/** The option that the input names as the active one. */
async function activeOption(page: Page): Promise<string> {
  const id = await inputOf(page).getAttribute('aria-activedescendant');
  const option = page.locator(`[id="${id}"]`);
  expect(await option.getAttribute('role')).toBe('option');
  expect(await option.getAttribute('aria-selected')).toBe('true');
  expect(await paletteOf(page).locator('[role=option][aria-selected=true]').count()).toBe(1);
  return option.innerText();
}

describe('the list of commands', () => {
  test('opens by key and button, is walked by keys, and gives the focus back', async () => {
    await withDamaged(async (image) => {
      const {page, trouble} = await app.open();
      await page.keyboard.press('Control+k');
      // Without an image there are few commands.
      expect(await options(page).allInnerTexts()).not.toContainEqual(expect.stringContaining('Go to Map'));
      await page.keyboard.press('Escape');
      await paletteOf(page).waitFor({state: 'detached'});

      await choose(page, image);
      const button = page.getByRole('button', {name: 'Commands', exact: true});
      await button.click();
      expect(await inputOf(page).evaluate((element) => element === document.activeElement)).toBe(true);
      expect(await inputOf(page).getAttribute('aria-controls')).toBe(await paletteOf(page).getByRole('listbox').getAttribute('id'));
      const names = (await options(page).allInnerTexts()).map((text) => text.split('\n')[0]);
      expect(await activeOption(page)).toContain(names[0]);
      await page.keyboard.press('ArrowDown');
      expect(await activeOption(page)).toContain(names[1]);
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('ArrowUp');
      expect(await activeOption(page)).toContain(names.at(-1));
      await page.keyboard.press('ArrowDown');
      expect(await activeOption(page)).toContain(names[0]);
      await inputOf(page).fill('qqqq');
      expect(await options(page).count()).toBe(0);
      await paletteOf(page).getByText('Nothing is called that.').waitFor();
      await page.keyboard.press('Enter');
      await page.keyboard.press('Escape');
      await paletteOf(page).waitFor({state: 'detached'});
      expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
      // What is typed right after the key is typed into it, and is no command of the page.
      await page.keyboard.press('Control+k');
      await page.keyboard.type('n5', {delay: 0});
      expect(await inputOf(page).inputValue()).toBe('n5');
      // Closed, and asked for again before the browser has told of it.
      await paletteOf(page).evaluate(async (dialog: HTMLDialogElement) => {
        const told = new Promise((resolve) => {
          dialog.addEventListener('close', resolve, {once: true});
        });
        dialog.close();
        document.dispatchEvent(new KeyboardEvent('keydown', {key: 'k', ctrlKey: true}));
        await told;
        await new Promise((resolve) => {
          setTimeout(resolve, 50);
        });
      });
      expect(await paletteOf(page).count()).toBe(1);
      await page.keyboard.press('Escape');
      // While one types it opens as well, and closes again.
      await page.getByLabel('Filter the findings').focus();
      await page.keyboard.press('Control+k');
      await inputOf(page).waitFor();
      await page.keyboard.press('Control+k');
      await paletteOf(page).waitFor({state: 'detached'});
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('goes to parts, places and findings, and does what buttons do', async () => {
    await withDamaged(async (image) => {
      const {page, trouble} = await app.open();
      await choose(page, image);
      await command(page, 'lab', 'Go to Lab');
      await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('lab');

      await command(page, '0x28', 'Go to byte 0x28');
      await expect.poll(() => cursor(page)).toBe('0x28');
      await command(page, '65592', 'Go to byte 0x10038');
      await expect.poll(() => cursor(page)).toBe('0x10038');
      await command(page, 'c3', 'Go to cluster 3');
      await expect.poll(() => cursor(page)).toBe('0x30000');
      await command(page, 'guest 5M', 'Go to guest 0x500000');
      await page.getByRole('region', {name: 'Field', exact: true}).getByText('0x500000').first().waitFor();
      // A number alone may be any of three.
      await page.keyboard.press('Control+k');
      await inputOf(page).fill('2');
      expect((await options(page).allInnerTexts()).slice(0, 3)).toEqual(['Go to byte 0x2', 'Go to cluster 2', 'Go to guest 0x2']);
      await options(page).nth(1).click();
      await expect.poll(() => cursor(page)).toBe('0x20000');
      await command(page, '0x7fffffffffffffff', 'Go to byte 0x7fffffffffffffff');
      await page.getByText('lies past the end: the file ends at').first().waitFor();

      await command(page, 'nextfind', /^Next finding/);
      await page.getByText(/^Finding 1 of/).first().waitFor();
      await command(page, 'marked free', /^Finding: Clusters in use are marked free/);
      const dark = () => page.evaluate(() => document.documentElement.dataset['theme']);
      await command(page, 'dark', 'Colours: dark');
      expect(await dark()).toBe('dark');
      await command(page, 'plan', 'Plan a repair');
      await page.getByRole('button', {name: 'Apply repair', exact: true}).waitFor();
      await command(page, 'apply', 'Apply repair');
      await page.getByRole('button', {name: 'Undo', exact: true}).first().waitFor();
      expect(await settled(page)).toMatchObject({verdict: 'healthy'});
      await command(page, 'take back', 'Undo the last change');
      expect(await settled(page)).toMatchObject({exit: '2'});
      await command(page, 'again', 'Check again');
      await settled(page);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test.each(looks(3))('no accessibility rule is broken: $width px, $colorScheme', async ({colorScheme, width}) => {
    await withDamaged(async (image) => {
      const {page} = await app.open();
      await page.emulateMedia({colorScheme, reducedMotion: 'reduce'});
      await page.setViewportSize({width, height: 844});
      await choose(page, image);
      for (const query of shareOf(['', '5', 'rep', 'qqqq'], 0, 3)) {
        await page.keyboard.press('Control+k');
        await inputOf(page).fill(query);
        expect(await violations(page, 'dialog.commands'), query).toEqual([]);
        await page.keyboard.press('Escape');
        await paletteOf(page).waitFor({state: 'detached'});
      }
      await page.context().close();
    });
  });
});

describe('a link to a place', () => {
  test('is in the address without a history, and leads there with an image that is chosen later', async () => {
    await withDamaged(async (image) => {
      const {page, trouble, requests} = await app.open();
      await choose(page, image);
      const before = await page.evaluate(() => history.length);
      await command(page, '0x20004', 'Go to byte 0x20004');
      await expect.poll(() => fragment(page)).toBe('#v=hex&o=0x20004');
      await page.getByRole('button', {name: 'List of fields'}).click();
      await expect.poll(() => fragment(page)).toBe('#v=hex&o=0x20004&hex=fields');
      await page.getByRole('region', {name: 'Hex', exact: true}).getByRole('button', {name: 'Bytes', exact: true}).click();
      await page.keyboard.press('n');
      await expect.poll(() => fragment(page)).toMatch(/&c=\d+&f=[a-z-]+\.0$/);
      await page.keyboard.press('5');
      await expect.poll(() => fragment(page)).toMatch(/^#v=hex&o=0x[0-9a-f]+&c=\d+&f=[a-z-]+\.0$/);
      const link = page.url();
      expect(await page.evaluate(() => history.length)).toBe(before);
      expect(decodeURIComponent(link)).not.toMatch(/secret|qcow2/);

      // In a fresh page it waits for the image.
      const other = await app.open();
      await other.page.goto(link.replace('&hex=fields', ''));
      await other.page.reload();
      await other.page.getByText('The link that you opened leads to').waitFor();
      expect(other.page.url()).toBe(link);
      await choose(other.page, image);
      await expect.poll(() => cursor(other.page)).toBe(await cursor(page));
      const section = other.page.getByRole('region', {name: 'Hex', exact: true});
      await expect.poll(async () => Math.abs(((await section.boundingBox())?.y ?? 999) - 76) < 40).toBe(true);
      await expect.poll(() => fragment(other.page)).toBe(fragment(page));
      // Another one in the same page is followed at once.
      await other.page.evaluate(() => (location.hash = '#v=map&c=4'));
      await other.page.getByRole('region', {name: 'Inspector'}).getByText('0x40000').first().waitFor();
      await other.page.evaluate(() => (location.hash = '#v=hex&o=0x7fffffffffffffff'));
      await other.page.getByText('The link leads to something that this image does not have.').waitFor();
      expect([...trouble, ...other.trouble]).toEqual([]);
      expect(requests.filter(({url}) => url.includes('secret'))).toEqual([]);
      await other.page.context().close();
      await page.context().close();
    });
  });

  test('is copied, and names nothing of the image', async () => {
    await withDamaged(async (image) => {
      const {page, trouble} = await app.open();
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await choose(page, image);
      await command(page, '0x30', 'Go to byte 0x30');
      await page.getByRole('button', {name: 'Copy link', exact: true}).click();
      await page.getByRole('button', {name: 'Link copied', exact: true}).waitFor();
      const copied = () => page.evaluate(() => navigator.clipboard.readText());
      expect(await copied()).toBe(`${app.url.replace(/\/?$/, '/')}#v=hex&o=0x30`);
      await command(page, 'map', /^Go to Map/);
      await expect.poll(() => fragment(page)).toMatch(/^#v=map/);
      await command(page, 'copy link', 'Copy link to this place');
      await page.getByText('Link copied.').waitFor();
      expect(await copied()).toMatch(/#v=map&o=0x30$/);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});

/** Where the heading of a part is, after a jump: in sight, under what sticks at the top of the page, or further down. */
function headingOf(page: Page, part: string): Promise<string> {
  return page.evaluate((id) => {
    const bottoms = [...document.querySelectorAll('header.top, .notices, .bar.after')].map((bar) => bar.getBoundingClientRect().bottom);
    const top = document.getElementById(id)?.getBoundingClientRect().top ?? Infinity;
    return top < Math.max(...bottoms) ? 'covered' : top > innerHeight / 2 ? 'further down' : 'in sight';
  }, part);
}

// The bar wraps at 641 px.
test.each(shareOf([1280, 641, 390], 1, 3))('every jump ends with the heading in sight at %i px', async (width) => {
  await withDamaged(async (image) => {
    const {page, trouble} = await app.open();
    await page.emulateMedia({reducedMotion: 'reduce'});
    await page.setViewportSize({width, height: 844});
    const inSight = (part: string, why: string) => expect.poll(() => headingOf(page, part), {message: `${part}, ${why}`}).toBe('in sight');
    const parts = ['map', 'findings', 'repair', 'hex', 'layers', 'lab', 'save'];
    await page.evaluate(() => (location.hash = '#v=layers'));
    await choose(page, image);
    await inSight('layers', 'by a link');
    const byKeys = async (why: string) => {
      for (const [i, part] of parts.entries()) {
        await page.keyboard.press(String(i + 2));
        await inSight(part, why);
      }
    };
    await byKeys('by its key');
    await command(page, 'go to findings', /^Go to Findings/);
    await inSight('findings', 'by the list of commands');
    await page.keyboard.press('n');
    const places = page.getByRole('article', {name: 'Selected finding'}).getByRole('listitem');
    await places.first().getByRole('button', {name: /^Bytes/}).click();
    await inSight('hex', 'from a finding');
    await repair(page);
    await byKeys('under the bar of a repair');
    await page.evaluate(() => (location.hash = '#v=hex&o=0x7fffffffffffffff'));
    await page.getByText('The link leads to something that this image does not have.').waitFor();
    await inSight('hex', 'under a message');
    await byKeys('under a message');
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});
