// Takes the pictures of the docs from the built page, so that they can be taken again
// whenever it changes. With names as arguments it takes only those.
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {launch} from '../e2e/page.mjs';
import {buildPage} from './build.mjs';
import {buildEdge} from './edge-build.mjs';
import {startLocal} from './edge-local.mjs';
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
  {name: 'layers', width: 1280, height: 900, scheme: 'light', act: layers, region: 'Layers'},
  {name: 'lab-width', width: 1280, height: 900, scheme: 'light', sample: 'hole_in_the_middle', act: width, motion: true, region: 'Lab'},
  {name: 'lab-write', width: 1280, height: 900, scheme: 'light', act: write, region: 'Lab'},
  {name: 'save', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: repaired, region: 'Save'},
  {name: 'fleet', width: 1280, height: 900, scheme: 'light', act: fleet},
  {name: 'phone', width: 390, height: 844, scheme: 'light', sample: 'cut_off_copy'},
];

/**
 * What was started for a picture, to be ended after the last.
 * @type {(() => Promise<void>)[]}
 */
const ended = [];

await runMain(async () => {
  await buildPage(console.log);
  await installTestTools();
  mkdirSync(folder, {recursive: true});
  const app = await launch();
  try {
    const only = process.argv.slice(2);
    for (const picture of pictures.filter(({name}) => only.length === 0 || only.includes(name))) {
      await take(app, picture);
    }
  } finally {
    await app.close();
    await Promise.all(ended.map((end) => end()));
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

/**
 * One write to a cluster that a snapshot has, too: of its subclusters some hold data, some are zero.
 * @param {Page} page
 */
async function write(page) {
  const cwd = mkdtempSync(join(tmpdir(), 'qcowscope-pictures-'));
  /** @param {string[]} args */
  const img = (...args) => execFileSync('qemu-img', args, {cwd});
  img('create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on', 'server.qcow2', '64M');
  const writes = ['write -P 1 0 128k', 'write -P 2 192k 36k', 'write -z 236k 8k', 'write -P 3 246k 6k', 'write -P 4 1M 300k'];
  execFileSync('qemu-io', [...writes.flatMap((w) => ['-c', w]), 'server.qcow2'], {cwd});
  img('snapshot', '-c', 'installed', 'server.qcow2');
  await page.setInputFiles('input[type=file]', join(cwd, 'server.qcow2'));
  await page.locator('[role=status][data-state=done]').waitFor();
  const lab = page.getByRole('region', {name: 'Lab', exact: true});
  await lab.getByRole('tab', {name: 'One write'}).click();
  await lab.getByLabel('From guest offset').fill('0x37400');
  await lab.getByLabel('Length', {exact: true}).fill('10K');
  await lab.getByText('around it are copied').waitFor();
  rmSync(cwd, {recursive: true});
}

/**
 * A disk of a backing file, three snapshots and two bitmaps, as a backup program leaves it.
 * @param {Page} page
 */
async function layers(page) {
  const cwd = mkdtempSync(join(tmpdir(), 'qcowscope-pictures-'));
  /** @param {string[]} args */
  const img = (...args) => execFileSync('qemu-img', args, {cwd});
  /** @param {string[]} writes */
  const write = (...writes) => execFileSync('qemu-io', [...writes.flatMap((w) => ['-c', w]), 'server.qcow2'], {cwd});
  img('create', '-q', '-f', 'raw', 'debian-12.raw', '96M');
  img('create', '-q', '-f', 'qcow2', '-b', 'debian-12.raw', '-F', 'raw', 'server.qcow2', '96M');
  write('write -P 1 0 30M');
  img('snapshot', '-c', 'installed', 'server.qcow2');
  img('bitmap', '--add', 'server.qcow2', 'backup-sunday');
  write('write -P 2 4M 20M', 'write -P 3 40M 4M');
  img('snapshot', '-c', 'before the upgrade', 'server.qcow2');
  img('bitmap', '--add', 'server.qcow2', 'backup-monday');
  write('write -P 4 6M 14M', 'write -P 5 70M 3M', 'write -z 50M 8M');
  img('snapshot', '-c', 'after the upgrade', 'server.qcow2');
  write('write -P 6 8M 2M', 'write -P 7 60M 1M');
  await page.setInputFiles('input[type=file]', join(cwd, 'server.qcow2'));
  await page.locator('[role=status][data-state=done]').waitFor();
  await page.keyboard.press('6');
  const part = page.getByRole('region', {name: 'Layers', exact: true});
  await part.getByLabel('Choose the backing file').setInputFiles(join(cwd, 'debian-12.raw'));
  await part.getByText('Given: debian-12.raw').waitFor();
  await part.getByLabel('Count snapshot 1 as deleted').check();
  await part.getByLabel('Count snapshot 2 as deleted').check();
  await part.getByText('2 chosen snapshots').waitFor();
  rmSync(cwd, {recursive: true});
}

/**
 * The page from a Worker that has the samples in its bucket.
 * @param {Page} page
 */
async function fleet(page) {
  await buildEdge(console.log);
  const state = mkdtempSync(join(tmpdir(), 'pictures-'));
  const token = 'the token of the pictures';
  const edge = await startLocal({folder: state, token, requests: 100_000});
  ended.push(async () => {
    await edge.close();
    rmSync(state, {recursive: true});
  });
  const bucket = await edge.bucket();
  for (const name of readdirSync(inRoot('dist/samples')).filter((file) => file.endsWith('.qcow2'))) {
    const bytes = readFileSync(inRoot('dist/samples', name));
    await bucket.put(`vms/${name}`, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }
  await page.goto(edge.url);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', {name: 'Sign in'}).click();
  await page.getByRole('button', {name: 'Check all'}).click();
  await page.getByText(/^Done: /).waitFor();
}
