import path from 'node:path';
import type {Locator, Page} from 'playwright-core';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {pageDir} from '../scripts/paths.mjs';
import {looks, shareOf, violations} from './axe';
import {damageFile, zeroRefblock} from './damage';
import {button, labOf} from './find';
import {choose, launch, repair, save, settled, type App} from './page.mjs';
import {guestHash, makeImage, qemuCheck, qemuImg, withFolder} from './qemu';

const hole = path.join(pageDir, 'samples', 'hole_in_the_middle.qcow2');

let app: App;
beforeAll(async () => {
  app = await launch();
});
afterAll(() => app.close());

const slider = (lab: Locator) => lab.getByRole('slider', {name: 'Step'});

/** Asks for a change of the width, and waits for its steps or for what forbids it. */
async function askWidth(page: Page, bits: number, way: 'Directly' | 'Walk by walk'): Promise<Locator> {
  const lab = labOf(page);
  await lab.getByRole('tab', {name: 'Refcount width'}).click();
  await lab.getByRole('radio', {name: String(bits), exact: true}).check();
  await lab.getByRole('radio', {name: way}).check();
  await button(lab, 'Show cost and steps').click();
  await lab.getByRole('group', {name: 'Player'}).or(lab.getByText('Nothing was started')).waitFor();
  return lab;
}

async function refcountBits(image: string): Promise<number> {
  const info = JSON.parse(await qemuImg('info', '--output=json', image)) as {
    'format-specific': {data: {'refcount-bits': number}};
  };
  return info['format-specific'].data['refcount-bits'];
}

describe('a change of the refcount width', () => {
  test('is shown walk by walk, where QEMU places everything', async () => {
    const {page, trouble} = await app.open();
    await choose(page, hole);
    const lab = await askWidth(page, 64, 'Walk by walk');
    const stages = lab.getByRole('list').filter({has: page.getByRole('button', {name: /^Walk 1/})});
    expect(await stages.getByRole('button').allInnerTexts()).toMatchObject([
      /Walk 1\s+3 refblocks placed/,
      /Walk 2\s+1 refblock placed/,
      /Walk 3\s+nothing more/,
      /Write/,
      /Switch/,
      /Free/,
    ].map((text) => expect.stringMatching(text) as string));

    await slider(lab).fill('18');
    await lab.getByText('Refblock 2, for clusters 128 to 191, goes to cluster 130').first().waitFor();
    expect(await lab.getByText('A crash now leaves the old structure').count()).toBe(1);
    await stages.getByRole('button', {name: /^Switch/}).click();
    await lab.getByText('The header is switched to the reftable at cluster 129').first().waitFor();
    expect(await lab.getByText('A crash now leaves the new structure').count()).toBe(1);
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test('steps forth and back by buttons and keys', async () => {
    const {page, trouble} = await app.open();
    await choose(page, hole);
    const lab = await askWidth(page, 64, 'Walk by walk');
    const at = async () => Number(await slider(lab).inputValue());
    await button(lab, 'Step forward').click();
    await button(lab, 'Step forward').click();
    expect(await at()).toBe(2);
    await button(lab, 'Step back').click();
    expect(await at()).toBe(1);
    await button(lab, 'Next stage').click();
    expect(await at()).toBe(12);

    await slider(lab).focus();
    await page.keyboard.press('ArrowRight');
    expect(await at()).toBe(13);
    await page.keyboard.press('PageDown');
    expect(await at()).toBe(25);
    await page.keyboard.press('PageUp');
    expect(await at()).toBe(12);
    await page.keyboard.press('End');
    expect(await at()).toBe(45);
    expect(await slider(lab).getAttribute('aria-valuetext')).toBe('Step 45 of 45, Free the old reftable');
    await lab.locator('[aria-live=polite]', {hasText: 'The old reftable, cluster 1, is free.'}).waitFor({state: 'attached'});
    await page.keyboard.press('Home');
    expect(await at()).toBe(0);
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test('plays by itself to the end, and can be paused', async () => {
    const {page, trouble} = await app.open();
    await choose(page, hole);
    const lab = await askWidth(page, 64, 'Directly');
    await lab.getByLabel('Speed').selectOption('4');
    await button(lab, 'Play').click();
    await expect.poll(() => slider(lab).inputValue()).not.toBe('0');
    await button(lab, 'Pause').click();
    const paused = await slider(lab).inputValue();
    await button(lab, 'Play').waitFor();
    expect(await slider(lab).inputValue()).toBe(paused);
    await slider(lab).focus();
    await page.keyboard.press(' ');
    await expect.poll(() => slider(lab).inputValue(), {timeout: 60_000}).toBe(await slider(lab).getAttribute('max'));
    await button(lab, 'Play').waitFor();
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test('is a table of the same steps, which comes first where no motion is wanted', async () => {
    const {page, trouble} = await app.open();
    await page.emulateMedia({reducedMotion: 'reduce'});
    await choose(page, hole);
    const lab = await askWidth(page, 64, 'Walk by walk');
    const rows = lab.getByRole('group', {name: 'Steps', exact: true}).getByRole('row');
    await rows.nth(45).waitFor();
    expect(await rows.count()).toBe(46);
    expect(await rows.nth(18).innerText()).toMatch(/18\s+2\s+Place a refblock\s+Refblock 2, for clusters 128 to 191, goes to cluster 130/);
    expect(await lab.locator('.stage').count()).toBe(0);
    await button(lab, 'Picture').click();
    await slider(lab).waitFor();
    expect(await button(lab, 'Play').count()).toBe(0);
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  test.each(shareOf([64, 1], 1, 2))('to %i bits is applied, undone, applied again and saved: qemu-img finds nothing', async (bits) => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      await choose(page, hole);
      for (const way of ['Directly', 'Walk by walk'] as const) {
        const lab = await askWidth(page, bits, way);
        await button(lab, 'Apply width change').click();
        await button(page, 'Undo').waitFor();
        expect(await settled(page)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
        if (way === 'Directly') {
          await button(page, 'Undo').click();
          await button(page, 'Undo').waitFor({state: 'detached'});
          expect(await button(page, 'Save changed image').count()).toBe(0);
        }
      }
      const saved = path.join(folder, 'saved.qcow2');
      await page.getByText(`hole_in_the_middle.refcount${bits}.qcow2`).first().waitFor();
      await save(page, saved, 'Save changed image');
      expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
      expect(await refcountBits(saved)).toBe(bits);
      expect(await guestHash(saved)).toBe(await guestHash(await copyOf(hole, folder)));
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('that cannot be made says why, with every cluster and its owners, before anything is started', async () => {
    await withFolder(async (folder) => {
      const {page, trouble} = await app.open();
      const old = path.join(folder, 'old.qcow2');
      await makeImage(old, 'compat=0.10');
      await choose(page, old);
      await (await askWidth(page, 64, 'Directly')).getByText('Version 2 of the format has refcounts of 16 bits only.').waitFor();

      const shared = path.join(folder, 'shared.qcow2');
      await makeImage(shared, 'compat=1.1');
      await choose(page, shared);
      const lab = await askWidth(page, 1, 'Directly');
      await lab.getByText('Refcounts of 1 bit cannot hold those of').waitFor();
      await lab.locator('details').first().evaluate((details: HTMLDetailsElement) => (details.open = true));
      await lab.getByText(/has refcount 2: active layer l2.*snapshot 1 \(before\)/).first().waitFor();
      expect(await button(lab, 'Apply width change').count()).toBe(0);
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });

  test('is laid over a repair; both are saved, and taken back one by one', async () => {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.qcow2');
      await makeImage(image, 'compat=1.1');
      const guest = await guestHash(image);
      await damageFile(image, zeroRefblock);
      const {page, trouble} = await app.open();
      await choose(page, image);
      expect(await (await askWidth(page, 64, 'Directly')).getByText('Nothing was started').count()).toBe(1);
      await repair(page);
      const lab = await askWidth(page, 64, 'Directly');
      await button(lab, 'Apply width change').click();
      await button(lab, 'Undo').waitFor();
      expect(await settled(page)).toMatchObject({state: 'done', verdict: 'healthy', exit: '0'});
      const saved = path.join(folder, 'saved.qcow2');
      await page.getByText('disk.repaired.refcount64.qcow2').first().waitFor();
      await save(page, saved);
      expect(await qemuCheck(saved)).toEqual({exit: 0, corruptions: 0, leaks: 0});
      expect([await refcountBits(saved), await guestHash(saved)]).toEqual([64, guest]);

      await button(page, 'Undo').click();
      await page.getByText('You see the image after the repair.').waitFor();
      await button(page.getByRole('region', {name: 'Plan'}), 'Undo').click();
      await button(page, 'Undo').waitFor({state: 'detached'});
      expect(await settled(page)).toMatchObject({exit: '2'});
      expect(trouble).toEqual([]);
      await page.context().close();
    });
  });
});

test('a rebuild is shown with what is stored against what was counted', async () => {
  const {page, trouble} = await app.open();
  await choose(page, path.join(pageDir, 'samples', 'lost_refcounts.qcow2'));
  const lab = labOf(page);
  await button(lab, 'Show the steps').click();
  await slider(lab).fill('2');
  await lab.getByText('The stored refcounts were compared with the counted ones: 89 differ.').first().waitFor();
  const row = (name: string) => lab.getByRole('group', {name: 'Refcounts around the step'}).getByRole('row', {name});
  await expect.poll(async () => (await row('Old refcount').innerText()).replaceAll(/\s+/g, ' ')).toMatch(/^Old refcount( 0 \u2260)+$/);
  expect(await row('Counted').innerText()).toMatch(/Counted\s+1\s+1\s+1\s+1\s+1\s+2/);
  await slider(lab).fill('9');
  await expect.poll(() => row('New refcount').innerText()).toMatch(/New refcount\s+1\s+0\s+0\s+1\s+1\s+2/);
  await button(lab, 'Plan this under Repair').click();
  await button(page, 'Apply repair').waitFor();
  expect(trouble).toEqual([]);
  await page.context().close();
});

test.each(looks(3))('no accessibility rule is broken: $width px, $colorScheme', async ({width, colorScheme}) => {
  const {page} = await app.open();
  await page.emulateMedia({colorScheme});
  await page.setViewportSize({width, height: 900});
  await choose(page, hole);
  const lab = labOf(page);
  expect(await violations(page, '.lab-card'), 'first').toEqual([]);
  await askWidth(page, 64, 'Walk by walk');
  for (const step of [18, 45]) {
    await slider(lab).fill(String(step));
    await lab.getByText(`Step ${step} of 45`).first().waitFor();
    expect(await violations(page, '.lab-card'), `step ${step}`).toEqual([]);
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth), 'no sideways scrolling').toBeLessThanOrEqual(width);
  await button(lab, 'Table').click();
  await lab.getByRole('group', {name: 'Steps', exact: true}).waitFor();
  expect(await violations(page, '.lab-card'), 'table').toEqual([]);
  await button(lab, 'Apply width change').click();
  await button(page, 'Undo').waitFor();
  expect(await violations(page, '.lab-card'), 'applied').toEqual([]);
  await page.context().close();
});

async function copyOf(image: string, folder: string): Promise<string> {
  const copy = path.join(folder, 'original.qcow2');
  await qemuImg('convert', '-O', 'qcow2', image, copy);
  return copy;
}
