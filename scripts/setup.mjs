import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {Failure} from './failure.mjs';
import {inRoot} from './paths.mjs';
import {must, run} from './process.mjs';

/**
 * @typedef {object} GoTool
 * @property {string} version such as go1.26.8
 * @property {string} root where Go is installed
 */

/**
 * Finds Go, of the version that go.mod asks for or newer.
 * @returns {Promise<GoTool>}
 */
export async function findGo() {
  const wanted = /^go (\d+\.\d+)/m.exec(readFileSync(inRoot('go.mod'), 'utf8'))?.[1] ?? '';
  const advice = `install Go ${wanted} or newer from https://go.dev/dl/ and run this again.`;
  const {code, stdout, output} = await run('go', ['env', 'GOVERSION', 'GOROOT']);
  if (code !== 0) {
    throw new Failure(code === 127 ? 'Go is not installed, or not in PATH.' : `Go does not work here:\n${output}`, advice);
  }
  const [version = '', goRoot = ''] = stdout.trim().split('\n');
  if (!atLeast(version.replace(/^go/, ''), wanted)) {
    throw new Failure(`Go is ${version}, but go.mod needs ${wanted}.`, advice);
  }
  return {version, root: goRoot};
}

/** Checks that this Node is new enough for the page's tools. */
export function checkNode() {
  const manifest = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  const wanted = String(manifest.engines.node).replace(/[^\d.]/g, '');
  if (!atLeast(process.versions.node, wanted)) {
    throw new Failure(`Node is ${process.versions.node}, but ${wanted} is needed.`, 'install a newer Node from https://nodejs.org/ and run this again.');
  }
}

/**
 * @param {string} version
 * @param {string} wanted
 */
function atLeast(version, wanted) {
  const have = version.split('.').map((n) => Number.parseInt(n, 10));
  for (const [i, n] of wanted.split('.').map(Number).entries()) {
    const h = have[i] ?? 0;
    if (h !== n) {
      return h > n;
    }
  }
  return true;
}

/**
 * Installs the npm packages when what is installed is not what package-lock.json says.
 * @returns {Promise<boolean>} whether it had to
 */
export async function installPackages() {
  if (packagesAreCurrent()) {
    return false;
  }
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund'];
  const [command, all] = npm !== undefined && npm.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  await must('Installing the npm packages', command, all, {
    advice: 'check the network connection (and the proxy settings of npm), then run this again.',
  });
  return true;
}

/** npm keeps a copy of the lock file's entries in node_modules, of those it did install. */
function packagesAreCurrent() {
  const installed = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(installed)) {
    return false;
  }
  const wanted = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(([name, entry]) => {
    const found = have[name];
    return name === '' || (found === undefined ? entry.optional === true : found.integrity === entry.integrity);
  });
}

/**
 * The full path of the first of these programs that is in PATH.
 * @param {...string} names
 */
function findProgram(...names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  for (const name of names) {
    for (const folder of folders) {
      const full = path.join(folder, name);
      if (existsSync(full)) {
        return full;
      }
    }
  }
  return undefined;
}

/** Where Chromium is: CHROMIUM if set, else by its names in PATH. */
export function findChromium() {
  return process.env.CHROMIUM ?? findProgram('chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome');
}

/**
 * Installs what the tests need beside Go and Node: qemu-img and qemu-io, which judge our
 * results, xdelta3, which applies our patches, and Chromium, which runs the page.
 * @returns {Promise<string[]>} the system packages that had to be installed
 */
export async function installTestTools() {
  const missing = missingPackages();
  if (missing.length === 0) {
    return [];
  }
  const list = missing.join(' ');
  const prefix = await aptPrefix();
  if (prefix === undefined) {
    throw new Failure(`The tests need: ${list}. Install them with: sudo apt-get install ${list}`);
  }
  const [command = '', ...args] = [...prefix, 'apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  const env = {DEBIAN_FRONTEND: 'noninteractive'};
  if ((await run(command, args, {env})).code !== 0) {
    const [update = '', ...updateArgs] = [...prefix, 'apt-get', 'update'];
    await must('Refreshing the list of system packages', update, updateArgs, {env});
    await must(`Installing ${list}`, command, args, {env});
  }
  const left = missingPackages();
  if (left.length > 0) {
    throw new Failure(`Installed ${list}, yet the programs of ${left.join(' ')} are not in PATH.`);
  }
  return missing;
}

function missingPackages() {
  const missing = [];
  if (findProgram('qemu-img') === undefined || findProgram('qemu-io') === undefined) {
    missing.push('qemu-utils');
  }
  if (findProgram('xdelta3') === undefined) {
    missing.push('xdelta3');
  }
  if (findChromium() === undefined) {
    missing.push('chromium');
  }
  return missing;
}

/** What to put before apt-get, or undefined if we may not or cannot install. */
async function aptPrefix() {
  if (findProgram('apt-get') === undefined) {
    return undefined;
  }
  if (process.getuid?.() === 0) {
    return [];
  }
  return (await run('sudo', ['-n', 'true'])).code === 0 ? ['sudo', '-n'] : undefined;
}
