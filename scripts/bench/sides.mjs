import {readFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import path from 'node:path';
import {drop, launch} from '../../e2e/page.mjs';
import {buildDir} from '../paths.mjs';
import {must} from '../process.mjs';
import {copyWithHoles} from './images.mjs';

/**
 * One way to do the measured work. A side is opened once, run several times, closed.
 * @typedef {object} Side
 * @property {string} name
 * @property {() => Promise<Run>} run
 * @property {() => Promise<void>} close
 *
 * @typedef {object} Run
 * @property {number} seconds
 * @property {number} peakKiB resident memory; of a browser, the page's process
 * @property {number} exit what qemu-img check would exit with
 */

/** @returns {Promise<string>} our command line, built as it is released */
async function commandLine() {
  const out = path.join(buildDir, 'bench', 'qcowscope');
  await must('Building the command line', 'go', ['build', '-trimpath', '-ldflags=-s -w', '-o', out, './cmd/qcowscope']);
  return out;
}

/**
 * A program that is run afresh each time.
 * @param {string} name
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<Side>}
 */
async function programSide(name, program, args) {
  const measure = path.join(buildDir, 'bench', 'measure');
  await must('Building the stopwatch', 'go', ['build', '-o', measure, './scripts/bench/measure']);
  return {
    name,
    run: async () => JSON.parse(await must(`Measuring ${name}`, measure, [program, ...args])),
    close: () => Promise.resolve(),
  };
}

/** @param {string} file */
export function qemuImgCheck(file) {
  return programSide('qemu-img check', 'qemu-img', ['check', '-f', 'qcow2', file]);
}

/** @param {string} file */
export async function qcowscopeCheck(file) {
  return programSide('qcowscope check', await commandLine(), ['check', file]);
}

/**
 * A repaired copy of an image, written out whole.
 * @param {string} file
 * @returns {Promise<Side>}
 */
export async function qcowscopeRepair(file) {
  const out = `${file}.repaired`;
  const side = await programSide('qcowscope repair -o OUT', await commandLine(), ['repair', '--force', file, '-o', out]);
  return {...side, close: () => rm(out, {force: true})};
}

/**
 * The plan of a repair, checked, and nothing written.
 * @param {boolean} redirect
 */
export function qcowscopePlan(redirect) {
  const flags = redirect ? ['--redirect'] : [];
  return async (/** @type {string} */ file) => programSide(['qcowscope repair --plan', ...flags].join(' '), await commandLine(), ['repair', '--plan', ...flags, file]);
}

/**
 * A repair in place. What it says, a line for each cluster, is thrown away.
 * @param {string} file
 */
export function qemuImgRepair(file) {
  return inPlace('qemu-img check -r all', file, (copy) => ['check', '-f', 'qcow2', '-r', 'all', copy]);
}

/**
 * A change of refcount width.
 * @param {number} bits
 */
export function qcowscopeAmend(bits) {
  /** @param {string} file */
  return async (file) => {
    const out = `${file}.amended`;
    const args = ['amend', '--force', `--refcount-bits=${bits}`, file, '-o', out];
    const side = await programSide('qcowscope amend -o OUT', await commandLine(), args);
    return {...side, close: () => rm(out, {force: true})};
  };
}

/**
 * The same, in place.
 * @param {number} bits
 */
export function qemuImgAmend(bits) {
  /** @param {string} file */
  return (file) => inPlace('qemu-img amend', file, (copy) => ['amend', '-f', 'qcow2', '-o', `refcount_bits=${bits}`, copy]);
}

/**
 * qemu-img writing to an image, each time a new copy, which is made before the clock runs.
 * @param {string} name
 * @param {string} file
 * @param {(copy: string) => string[]} args
 * @returns {Promise<Side>}
 */
async function inPlace(name, file, args) {
  const copy = `${file}.copy`;
  const side = await programSide(name, 'qemu-img', args(copy));
  return {
    name: side.name,
    run: async () => {
      await copyWithHoles(file, copy);
      return side.run();
    },
    close: () => rm(copy, {force: true}),
  };
}

/**
 * The page in Chromium, already loaded: from the moment at which the image is dropped to the
 * verdict on the screen. The clock is the page's own.
 * @param {string} file
 * @returns {Promise<Side>}
 */
export async function chromiumDrop(file) {
  const app = await launch();
  return {
    name: 'Chromium, drop to verdict',
    run: () => measureDrop(app, file),
    close: () => app.close(),
  };
}

/**
 * @param {import('../../e2e/page.mjs').App} app
 * @param {string} file
 * @returns {Promise<Run>}
 */
async function measureDrop(app, file) {
  const {page, trouble} = await app.open();
  await page.waitForLoadState('networkidle');
  await page.evaluate(() => {
    addEventListener('drop', () => performance.mark('dropped'), {capture: true});
    new MutationObserver(() => {
      if (document.querySelector('[role=status][data-state=done]') !== null) {
        requestAnimationFrame(() => performance.mark('verdict'));
      }
    }).observe(document.body, {subtree: true, attributes: true, attributeFilter: ['data-state']});
  });
  const status = await drop(page, file);
  const seconds = await page.evaluate(async () => {
    while (performance.getEntriesByName('verdict').length === 0) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return performance.measure('check', 'dropped', 'verdict').duration / 1000;
  });
  const peakKiB = await pageProcessPeak(app, page);
  if (trouble.length > 0) {
    throw new Error(trouble.join('\n'));
  }
  await page.context().close();
  return {seconds, peakKiB, exit: Number(status.exit)};
}

/**
 * The most memory that the page's process held: the largest of the browser's renderers.
 * @param {import('../../e2e/page.mjs').App} app
 * @param {import('playwright-core').Page} page
 */
async function pageProcessPeak(app, page) {
  const client = await app.browser.newBrowserCDPSession();
  const {processInfo} = await client.send('SystemInfo.getProcessInfo');
  await client.detach();
  const peaks = processInfo.filter((p) => p.type === 'renderer').map((p) => peakOf(p.id));
  if (peaks.length === 0) {
    throw new Error(`no renderer process for ${page.url()}`);
  }
  return Math.max(...peaks);
}

/** @param {number} pid */
function peakOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN);
}
