// Takes the pictures of the docs from the built page, so that they can be taken again
// whenever it changes. With names as arguments it takes only those.
import {execFileSync} from 'node:child_process';
import {closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync} from 'node:fs';
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

/** The cluster of 2^24 with which something is wrong. */
const BAD = 11_111_111;

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
  {name: 'map', width: 1280, height: 960, scheme: 'light', act: linked, region: 'Map'},
  {name: 'map-16-million', width: 1280, height: 960, scheme: 'light', act: oneInMillions, region: 'Map'},
  {name: 'map-order', width: 1280, height: 960, scheme: 'dark', act: scattered, region: 'Map'},
  {name: 'map-inside', width: 1280, height: 960, scheme: 'light', sample: 'torn_subclusters', act: inside, region: 'Map'},
  {name: 'plan', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: plan},
  {name: 'findings', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: finding, region: 'Findings'},
  {name: 'choose', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: choosing, region: 'Plan'},
  {name: 'hex', width: 1280, height: 900, scheme: 'light', sample: 'lost_refcounts', act: changedBytes},
  {name: 'layers', width: 1280, height: 900, scheme: 'light', act: layers, region: 'Layers'},
  {name: 'lab-width', width: 1280, height: 900, scheme: 'light', sample: 'hole_in_the_middle', act: width, motion: true, region: 'Lab'},
  {name: 'lab-write', width: 1280, height: 900, scheme: 'light', act: write, region: 'Lab'},
  {name: 'lab-crash', width: 1280, height: 900, scheme: 'light', sample: 'disk_in_order', act: crash, motion: true, region: 'Lab'},
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

/**
 * Opens an image that is made for the picture, and waits for its maps.
 * @param {Page} page
 * @param {(folder: string, qemu: (program: 'qemu-img' | 'qemu-io', ...args: string[]) => void) => void} make makes disk.qcow2
 */
async function openMade(page, make) {
  const cwd = mkdtempSync(join(tmpdir(), 'qcowscope-pictures-'));
  make(cwd, (program, ...args) => execFileSync(program, args, {cwd}));
  await page.setInputFiles('input[type=file]', join(cwd, 'disk.qcow2'));
  await page.locator('[role=status][data-state=done]').waitFor();
  await page.keyboard.press('2');
  await mapsShown(page);
  // Until the picture is taken the page reads of it.
  ended.push(() => Promise.resolve(rmSync(cwd, {recursive: true})));
}

/** @param {Page} page */
async function mapsShown(page) {
  await page.waitForFunction(() => document.querySelectorAll('.map-frame[aria-busy=false]').length === 2);
}

/**
 * @param {Page} page
 * @param {'Host map' | 'Guest map'} name
 * @param {...string} keys
 */
async function onMap(page, name, ...keys) {
  await page.getByRole('region', {name, exact: true}).locator('.map-frame').focus();
  for (const key of keys) {
    await page.keyboard.press(key);
  }
  await mapsShown(page);
}

/**
 * A disk with a snapshot, written in no order; a cluster of the disk that is in two places of the file.
 * @param {Page} page
 */
async function linked(page) {
  await openMade(page, (_, qemu) => {
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', 'disk.qcow2', '64M');
    for (const [at, mebibytes] of /** @type {const} */ ([[20, 3], [2, 5], [40, 2], [9, 2], [30, 4], [50, 1]])) {
      qemu('qemu-io', '-c', `write -P 1 ${at}M ${mebibytes}M`, 'disk.qcow2');
    }
    qemu('qemu-img', 'snapshot', '-c', 'before the upgrade', 'disk.qcow2');
    qemu('qemu-io', '-c', 'write -P 2 3M 2M', '-c', 'write -P 2 31M 1M', '-c', 'write -z 12M 2M', 'disk.qcow2');
  });
  await onMap(page, 'Guest map', 'ArrowRight', 'Control+Home', 'ArrowDown', 'ArrowDown', ...Array.from({length: 8}, () => 'ArrowRight'), 'Enter');
  await page.getByRole('region', {name: 'Inspector'}).getByText('Which entry says so').waitFor();
  await page.mouse.move(0, 0);
}

/**
 * 2^24 clusters, in one of which something is wrong.
 * @param {Page} page
 */
async function oneInMillions(page) {
  await openMade(page, (folder, qemu) => {
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', 'disk.qcow2', '1T');
    const file = openSync(join(folder, 'disk.qcow2'), 'r+');
    const word = Buffer.alloc(8);
    readSync(file, word, 0, 8, 48); // the reftable, then the refblock of the cluster
    readSync(file, word, 0, 8, Number(word.readBigUInt64BE()) + 8 * Math.floor(BAD / 32768));
    writeSync(file, Buffer.alloc(2), 0, 2, Number(word.readBigUInt64BE()) + 2 * (BAD % 32768));
    closeSync(file);
  });
  await page.keyboard.press('n');
  await page.getByRole('region', {name: 'Inspector'}).getByText('Host offset').waitFor();
}

/**
 * A disk that was written in random order, coloured by that order.
 * @param {Page} page
 */
async function scattered(page) {
  await openMade(page, (_, qemu) => {
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', 'disk.qcow2', '64M');
    const writes = Array.from({length: 256}, (__, i) => `write -P 1 ${(i < 128 ? i : 128 + ((i * 37) % 128)) * 256}k 256k`);
    qemu('qemu-io', ...writes.flatMap((write) => ['-c', write]), 'disk.qcow2');
  });
  await page.getByRole('combobox', {name: /^Colour/}).selectOption('order');
  await page.getByRole('button', {name: 'Hilbert', exact: true}).click();
  await mapsShown(page);
}

/**
 * A cluster with subclusters from inside, its bytes beside it.
 * @param {Page} page
 */
async function inside(page) {
  await page.keyboard.press('2');
  await mapsShown(page);
  await onMap(page, 'Guest map', 'ArrowRight', 'Control+Home', 'ArrowRight', 'ArrowRight', 'Enter', 'Enter');
  await page.getByRole('region', {name: 'Inspector'}).getByText('subclusters of').waitFor();
  await onMap(page, 'Host map', 'ArrowRight', 'Control+Home', 'ArrowDown', 'ArrowUp', 'ArrowRight', 'ArrowRight', 'ArrowRight');
  await page.getByRole('region', {name: 'Host map'}).getByRole('button', {name: 'Bytes'}).click();
  await mapsShown(page);
}

/** @param {Page} page */
async function finding(page) {
  await page.keyboard.press('3');
  await page.keyboard.press('n');
  await page.getByRole('article', {name: 'Selected finding'}).getByText('Read as').waitFor();
}

/** @param {Page} page */
async function choosing(page) {
  await plan(page);
  const plans = page.getByRole('region', {name: 'Plan'});
  await plans.getByRole('button', {name: /Choose single ones/}).first().click();
  const row = plans.getByRole('option').nth(1);
  await row.getByText('refcount[1]', {exact: true}).waitFor();
  await row.click();
  await plans.getByText('Goes in part').waitFor();
  await plans.getByText('byte for byte').waitFor();
}

/** @param {Page} page */
async function plan(page) {
  await page.keyboard.press('4');
  await page.getByRole('button', {name: 'Repair', exact: true}).click();
  await page.getByRole('button', {name: 'Apply repair'}).waitFor();
}

/** @param {Page} page */
async function crash(page) {
  const lab = page.getByRole('region', {name: 'Lab', exact: true});
  await lab.getByRole('tab', {name: 'Crash'}).click();
  await lab.getByRole('button', {name: 'Show the crash points'}).waitFor();
  await lab.getByRole('radio', {name: 'A write of the guest', exact: true}).check();
  await lab.getByRole('button', {name: 'Show the crash points'}).click();
  await lab.getByText(/^All .* crash points were judged/).waitFor();
  const next = lab.getByRole('button', {name: 'Next broken, in place'});
  const torn = lab.getByText('neither the old nor the new ones');
  while (!(await torn.isVisible()) && (await next.isEnabled())) {
    await next.click();
    await page.waitForTimeout(100); // the state is judged
  }
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
