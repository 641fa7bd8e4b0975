import {execFile} from 'node:child_process';
import {copyFile, readFile} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {pageDir} from '../scripts/paths.mjs';
import {looks, violations} from './axe';
import {damageFile, lostRefcount, wrongCopied} from './damage';
import type {Damage} from './damage';
import {button, labOf} from './find';
import {choose, launch, save, settled, type App} from './page.mjs';
import {fileHash, guestHash, makeImage, qemuCheck, withFolder} from './qemu';

const run = promisify(execFile);
const sample = (name: string) => path.join(pageDir, 'samples', `${name}.qcow2`);

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const redirectIn = (where: Locator) => where.getByRole('switch', {name: 'Redirect: never overwrite what is live'});

/** An L2 entry and a refcount are wrong: both change, in two tables. */
const both: Damage = async (image) => {
  await lostRefcount(image);
  await wrongCopied(image);
};

interface Choice {
  kind?: 'The repair' | 'A change of the refcount width' | 'A write of the guest';
  flushes?: RegExp;
}

/** Asks for the crash points of a change, and waits until all are judged. */
async function askCrash(page: Page, {kind, flushes}: Choice = {}): Promise<Locator> {
  const lab = labOf(page);
  await lab.getByRole('tab', {name: 'Crash'}).click();
  await button(lab, 'Show the crash points').waitFor();
  if (kind !== undefined) {
    await lab.getByRole('radio', {name: kind, exact: true}).check();
  }
  if (flushes !== undefined) {
    await lab.getByRole('radio', {name: flushes}).check();
  }
  const show = button(lab, 'Show the crash points');
  if (await show.isVisible()) {
    await show.click();
  }
  await lab.getByText(/^All [\d,]+ crash points were judged/).waitFor();
  return lab;
}

const sideOf = (lab: Locator, name: 'Redirected' | 'In place') => lab.getByRole('region', {name, exact: true});
const stateOf = (lab: Locator) => lab.getByRole('region', {name: 'The image at this crash point'});

/** How many crash points of a side there are, and how many of them are broken. */
async function score(side: Locator): Promise<{broken: number; states: number}> {
  const [, broken = '', states = ''] = /([\d,]+) of ([\d,]+)\s+broken/.exec(await side.locator('.crash-score').innerText()) ?? [];
  return {broken: Number(broken.replaceAll(',', '')), states: Number(states.replaceAll(',', ''))};
}

describe('a redirected repair', () => {
  test('is shown, applied, undone and saved: qemu-img finds nothing, and the guest reads the same', async () => {
    await withFolder(async (folder) => {
      const at = (name: string) => path.join(folder, name);
      await makeImage(at('disk.qcow2'), 'compat=1.1');
      const guest = await guestHash(at('disk.qcow2'));
      await damageFile(at('disk.qcow2'), both);
      const {page, trouble} = await app.open();
      await choose(page, at('disk.qcow2'));
      const plan = page.getByRole('region', {name: 'Plan', exact: true});
      expect(await redirectIn(plan).isChecked()).toBe(false);
      await button(page, 'Repair').click();
      await button(page, 'Apply repair').waitFor();
      expect(await plan.getByRole('list', {name: 'Batches'}).count()).toBe(0);

      await redirectIn(plan).focus();
      await page.keyboard.press('Space');
      const batches = plan.getByRole('list', {name: 'Batches'}).getByRole('listitem');
      await batches.first().waitFor();
      expect(await batches.allInnerTexts()).toEqual([
        expect.stringMatching(/^1\. Free clusters only/) as string,
        expect.stringMatching(/^2\. The switch\s+1 write, 512 bytes in the header's first sector/) as string,
      ]);
      expect(await plan.getByText(/It takes [1-9]\d* free clusters: .* of tables get a new place/).count()).toBe(1);
      await plan.getByText(/^The log: \d+ records/).click();
      const records = plan.getByRole('group', {name: 'Log'}).getByRole('row');
      await records.nth(1).waitFor();
      expect(await records.nth(1).innerText()).toMatch(/^alloc/);
      expect(await records.last().innerText()).toMatch(/^commit/);

      await button(page, 'Apply repair').click();
      await button(page, 'Undo').click();
      await button(page, 'Apply repair').click();
      await button(page, 'Undo').waitFor();
      expect(await settled(page)).toMatchObject({state: 'done', exit: '0'});
      await save(page, at('saved.qcow2'));
      expect(await qemuCheck(at('saved.qcow2'))).toEqual({exit: 0, corruptions: 0, leaks: 0});
      expect(await guestHash(at('saved.qcow2'))).toBe(guest);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('is the plan that is saved: applied in place on the command line it mends the file, and is taken back', async () => {
    await withFolder(async (folder) => {
      const at = (name: string) => path.join(folder, name);
      await makeImage(at('disk.qcow2'), 'compat=1.1');
      await damageFile(at('disk.qcow2'), both);
      await copyFile(at('disk.qcow2'), at('before.qcow2'));
      await run('go', ['build', '-o', at('qcowscope'), './cmd/qcowscope'], {cwd: path.join(import.meta.dirname, '..')});
      const {page, trouble} = await app.open();
      await choose(page, at('disk.qcow2'));
      await redirectIn(page.getByRole('region', {name: 'Plan', exact: true})).click();
      await button(page, 'Repair').click();
      await button(page, 'Apply repair').waitFor();
      await page.getByText('As JSON, to read or for qcowscope').click();
      await save(page, at('plan.json'), 'Save plan');
      await save(page, at('undo.json'), 'Save undo plan');
      const {batches} = JSON.parse(await readFile(at('plan.json'), 'utf8')) as {batches: {offset: number}[][]};
      expect(batches.at(-1)?.map(({offset}) => offset)).toEqual([0]);

      await run(at('qcowscope'), ['apply', at('disk.qcow2'), at('plan.json'), '--in-place', '--undo', at('own.json')]);
      expect(await qemuCheck(at('disk.qcow2'))).toEqual({exit: 0, corruptions: 0, leaks: 0});
      await run(at('qcowscope'), ['apply', at('disk.qcow2'), at('undo.json'), '-o', at('undone.qcow2')]);
      expect(await fileHash(at('undone.qcow2'))).toBe(await fileHash(at('before.qcow2')));
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('of a change of width is what is applied and saved', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      await choose(page, sample('hole_in_the_middle'));
      const lab = labOf(page);
      await lab.getByRole('tab', {name: 'Refcount width'}).click();
      await button(lab, 'Show cost and steps').click();
      await redirectIn(lab).click();
      await lab.getByRole('list', {name: 'Batches'}).getByText('2. The switch').waitFor();
      await button(lab, 'Apply width change').click();
      await button(page, 'Undo').waitFor();
      const saved = path.join(folder, 'saved.qcow2');
      await save(page, saved, 'Save changed image');
      expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});

describe('crash points', () => {
  test('of a write of the guest: redirected none is broken, in place many are, and each can be looked at', async () => {
    const {page, trouble} = await app.open();
    await choose(page, sample('disk_in_order'));
    const lab = await askCrash(page, {kind: 'A write of the guest'});
    const redirected = await score(sideOf(lab, 'Redirected'));
    const inPlace = await score(sideOf(lab, 'In place'));
    expect(redirected.broken).toBe(0);
    expect(redirected.states).toBeGreaterThan(50);
    expect(inPlace.broken).toBeGreaterThan(30);

    await button(lab, 'Next broken, in place').click();
    const state = stateOf(lab);
    await state.getByText('The guest reads bytes that are neither the old nor the new ones.').waitFor();
    expect(await state.getByRole('heading').first().innerText()).toMatch(/^In place: Crash point \d+ of \d+, in flight 1: \d+ of 16 sectors landed, 1 write torn/);
    expect(await state.getByRole('group', {name: 'Writes in flight'}).innerText()).toMatch(/torn: \d+ of 16 sectors/);

    // The last cell of the redirected side is the new image.
    await sideOf(lab, 'Redirected').locator('.frame rect').last().click({position: {x: 10, y: 12}, force: true});
    await state.getByText('The guest reads the new bytes.').waitFor();
    expect(await state.getByRole('heading').first().innerText()).toContain('Redirected: Crash point');
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test('of a repair: the image at one is opened, inspected on the page, and left again', async () => {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.qcow2');
      await makeImage(image, 'compat=1.1');
      await damageFile(image, both);
      const {page, trouble} = await app.open();
      const {exit} = await choose(page, image);
      const lab = await askCrash(page, {flushes: /^Nowhere/});
      expect((await score(sideOf(lab, 'Redirected'))).broken).toBe(0);
      const slider = lab.getByRole('slider', {name: 'Crash point, in place'});
      await slider.focus();
      await page.keyboard.press('ArrowRight');
      const state = stateOf(lab);
      await state.getByText(/The guest reads the same bytes/).waitFor();
      const corruptions = await state.locator('.crash-counts dd').first().innerText();
      await save(page, path.join(folder, 'state.json'), 'Save it as a plan');
      await button(state, 'Open this crash state').click();
      await lab.getByText('All of this page shows what the crash left.').waitFor();
      await page.getByText('You see the image after a crash.').waitFor();
      await save(page, path.join(folder, 'crashed.qcow2'), 'Save changed image');
      expect((await qemuCheck(path.join(folder, 'crashed.qcow2'))).corruptions).toBe(Number(corruptions));
      await button(lab, 'Undo').click();
      await lab.getByText(/^All [\d,]+ crash points were judged/).waitFor();
      expect((await settled(page)).exit).toBe(exit);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('can be gone through by keys, and heard', async () => {
    const {page, trouble} = await app.open();
    await choose(page, sample('hole_in_the_middle'));
    const lab = await askCrash(page, {kind: 'A change of the refcount width', flushes: /^Nowhere/});
    const slider = lab.getByRole('slider', {name: 'Crash point, in place'});
    await slider.focus();
    await page.keyboard.press('End');
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('Crash point 64 of 64: everything has landed: New image');
    await page.keyboard.press('Home');
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('Crash point 1 of 64, in flight 1: nothing of it has landed: Old image');
    await button(lab, 'Next broken, in place').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toMatch(/: New damage$/);
    await stateOf(lab).getByText('More than before and after the change:').waitFor();
    expect(await lab.locator('[aria-live=polite]', {hasText: 'Judged: redirected, 0 of 33 broken; in place, 30 of 64 broken.'}).count()).toBe(1);
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test('are a table as well, with only the broken ones if wanted', async () => {
    const {page, trouble} = await app.open();
    await choose(page, sample('hole_in_the_middle'));
    const lab = await askCrash(page, {kind: 'A change of the refcount width', flushes: /^Nowhere/});
    await button(lab, 'Table').click();
    const side = sideOf(lab, 'In place');
    const rows = side.getByRole('group', {name: 'Crash points, in place', exact: true}).getByRole('row');
    expect(await rows.count()).toBe(26);
    await side.getByRole('checkbox', {name: 'Only broken ones'}).check();
    expect(await side.getByText('of 30').count()).toBe(1);
    expect(await rows.nth(1).innerText()).toContain('New damage');
    await rows.nth(1).getByRole('button').click();
    await stateOf(lab).getByText('More than before and after the change:').waitFor();
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test('are judged in slices that can be stopped; the rest is judged when asked', async () => {
    const {page, trouble} = await app.open();
    await choose(page, sample('lost_refcounts'));
    const lab = labOf(page);
    await lab.getByRole('tab', {name: 'Crash'}).click();
    await lab.getByLabel('Crash points, at most').selectOption('5000');
    await button(lab, 'Stop').click();
    await lab.getByText(/^[\d,]+ of [\d,]+ crash points judged, evenly over all/).waitFor();
    await button(lab, 'Go on').waitFor();
    await button(lab, 'Go on').click();
    await lab.getByText(/^All [\d,]+ crash points were judged/).waitFor();
    expect((await score(sideOf(lab, 'Redirected'))).broken).toBe(0);
    expect(trouble).toEqual([]);
    await page.context().close();
  });
});

test.each(looks(0))('no accessibility rule is broken: $width px, $colorScheme', async ({width, colorScheme}) => {
  const {page} = await app.open();
  await page.emulateMedia({colorScheme});
  await page.setViewportSize({width, height: 900});
  await choose(page, sample('disk_in_order'));
  const lab = await askCrash(page, {kind: 'A write of the guest'});
  await button(lab, 'Next broken, in place').click();
  await stateOf(lab).getByRole('group', {name: 'Writes in flight'}).waitFor();
  expect(await violations(page, '.lab-card'), 'picture').toEqual([]);
  await button(lab, 'Table').click();
  expect(await violations(page, '.lab-card'), 'table').toEqual([]);
  expect(await outside(page, '.lab-card', width)).toEqual([]);

  await choose(page, sample('lost_refcounts'));
  const plan = page.getByRole('region', {name: 'Plan', exact: true});
  await redirectIn(plan).click();
  await button(page, 'Repair').click();
  await plan.getByText(/^The log: /).click();
  await plan.getByRole('group', {name: 'Log'}).waitFor();
  expect(await violations(page, '.repair-card'), 'redirected').toEqual([]);
  expect(await outside(page, '.repair-card', width)).toEqual([]);
  await page.context().close();
});

/** What of a part of the page could only be seen by scrolling sideways, but for what scrolls by itself. */
function outside(page: Page, part: string, width: number): Promise<string[]> {
  return page.locator(`${part} *`).evaluateAll((elements, most) => {
    const scrolled = (element: Element): boolean => {
      const parent = element.parentElement;
      return parent !== null && (getComputedStyle(parent).overflowX !== 'visible' || scrolled(parent));
    };
    return elements.filter((element) => element.getBoundingClientRect().right > most + 1 && !scrolled(element)).map(({outerHTML}) => outerHTML.slice(0, 80));
  }, width);
}
