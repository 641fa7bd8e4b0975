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

/** @type {{name: string, width: number, height: number, scheme: 'light' | 'dark', sample?: string, act?: (page: Page) => Promise<void>}[]} */
const pictures = [
  {name: 'empty', width: 1280, height: 900, scheme: 'light'},
  {name: 'damaged', width: 1280, height: 960, scheme: 'light', sample: 'lost_refcounts'},
  {name: 'damaged-dark', width: 1280, height: 960, scheme: 'dark', sample: 'lost_refcounts'},
  {name: 'map', width: 1280, height: 900, scheme: 'light', sample: 'torn_subclusters', act: inspect},
  {name: 'plan', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: plan},
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
 * @param {typeof pictures[number]} picture
 */
async function take(app, {name, width, height, scheme, sample, act}) {
  const {page} = await app.open();
  await page.setViewportSize({width, height});
  await page.emulateMedia({colorScheme: scheme, reducedMotion: 'reduce'});
  if (sample !== undefined) {
    await page.setInputFiles('input[type=file]', inRoot(`dist/samples/${sample}.qcow2`));
    await page.locator('[role=status][data-state=done]').waitFor();
  }
  await act?.(page);
  await page.waitForTimeout(400); // the map paints in the next frames
  await page.screenshot({path: `${folder}/${name}.png`});
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
