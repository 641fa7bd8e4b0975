// Takes the pictures of the docs from the built page, so that they can be taken again
// whenever it changes.
import {mkdirSync} from 'node:fs';
import {launch} from '../e2e/page.mjs';
import {buildPage} from './build.mjs';
import {runMain} from './failure.mjs';
import {inRoot} from './paths.mjs';
import {installTestTools} from './setup.mjs';

const folder = inRoot('docs/images');

/** @typedef {import('playwright-core').Page} Page */

/**
 * @typedef {object} Picture
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {'light' | 'dark'} scheme
 * @property {string} [sample] a sample that is opened
 * @property {(page: Page) => Promise<void>} [act] what is done then
 * @property {boolean} [motion] as for who wants motion; else some pictures are tables first
 * @property {string} [region] the part of the page that is shown; else what the window shows
 */

/** @type {Picture[]} */
const pictures = [
  {name: 'empty', width: 1280, height: 900, scheme: 'light'},
  {name: 'damaged', width: 1280, height: 960, scheme: 'light', sample: 'lost_refcounts'},
  {name: 'damaged-dark', width: 1280, height: 960, scheme: 'dark', sample: 'lost_refcounts'},
  {name: 'map', width: 1280, height: 900, scheme: 'light', sample: 'torn_subclusters', act: inspect},
  {name: 'plan', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: plan},
  {name: 'hex', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: changedBytes},
  {name: 'lab-width', width: 1280, height: 900, scheme: 'light', sample: 'hole_in_the_middle', act: width, motion: true, region: 'Lab'},
  {name: 'save', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: repaired, region: 'Save'},
  {name: 'phone', width: 390, height: 844, scheme: 'light', sample: 'cut_off_copy'},
];

await runMain(async () => {
  await buildPage(console.log);
  await installTestTools();
  mkdirSync(folder, {recursive: true});
  const app = await launch();
  try {
    for (const picture of pictures) {
      await take(app, picture);
    }
  } finally {
    await app.close();
  }
});

/**
 * @param {import('../e2e/page.mjs').App} app
 * @param {Picture} picture
 */
async function take(app, {name, width, height, scheme, sample, act, motion, region}) {
  const {page} = await app.open();
  await page.setViewportSize({width, height});
  await page.emulateMedia({colorScheme: scheme, reducedMotion: motion === true ? 'no-preference' : 'reduce'});
  if (sample !== undefined) {
    await page.setInputFiles('input[type=file]', inRoot(`dist/samples/${sample}.qcow2`));
    await page.locator('[role=status][data-state=done]').waitFor();
  }
  await act?.(page);
  await page.waitForTimeout(400); // the map paints in the next frames
  const path = `${folder}/${name}.png`;
  if (region !== undefined) {
    await page.setViewportSize({width, height: 4000}); // so that the page's head does not lie over it
  }
  await (region === undefined ? page : page.getByRole('region', {name: region, exact: true})).screenshot({path});
  console.log(`docs/images/${name}.png`);
  await page.context().close();
}

/** @param {Page} page */
async function inspect(page) {
  await page.keyboard.press('2');
  const map = page.getByRole('region', {name: 'Host map'});
  await map.locator('[tabindex="0"]:is([role=img], [role=application])').first().focus();
  for (let i = 0; i < 12; i += 1) {
    await page.keyboard.press('ArrowRight');
  }
  await page.keyboard.press('Enter');
  await page.getByRole('region', {name: 'Inspector'}).getByText('Host offset').first().waitFor();
}

/** @param {Page} page */
async function plan(page) {
  await page.keyboard.press('4');
  await page.getByRole('button', {name: 'Repair', exact: true}).click();
  await page.getByRole('button', {name: 'Apply repair'}).waitFor();
}

/** @param {Page} page */
async function changedBytes(page) {
  await plan(page);
  await page.keyboard.press('5');
  await page.getByRole('button', {name: 'Next change'}).click();
  await page.getByRole('region', {name: 'Field'}).getByText('raise refcounts').waitFor();
}

/** @param {Page} page */
async function repaired(page) {
  await plan(page);
  await page.getByRole('button', {name: 'Apply repair'}).click();
  await page.getByRole('button', {name: 'Save repaired image'}).first().waitFor();
}

/** @param {Page} page */
async function width(page) {
  const lab = page.getByRole('region', {name: 'Lab', exact: true});
  await lab.getByRole('tab', {name: 'Refcount width'}).click();
  await lab.getByRole('radio', {name: '64', exact: true}).check();
  await lab.getByRole('radio', {name: 'Walk by walk'}).check();
  await lab.getByRole('button', {name: 'Show cost and steps'}).click();
  await lab.getByRole('slider', {name: 'Step'}).fill('18');
}
