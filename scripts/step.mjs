import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {buildDir, inRoot} from './paths.mjs';

/**
 * One step of a build. It is fresh, and not run, when its inputs and outputs are what they
 * were after it last ran.
 * @typedef {object} Step
 * @property {string} name
 * @property {string[]} inputs files and folders, from the root
 * @property {string[]} outputs files and folders, from the root
 * @property {string} [tool] what else the outputs depend on: a tool's version, its options
 * @property {() => Promise<void>} work
 */

/**
 * @param {Step} step
 * @returns {Promise<boolean>} whether it had to run
 */
export async function runStep(step) {
  const record = path.join(buildDir, 'steps', `${step.name}.json`);
  if (existsSync(record) && readFileSync(record, 'utf8') === stateOf(step)) {
    return false;
  }
  await step.work();
  mkdirSync(path.dirname(record), {recursive: true});
  writeFileSync(record, stateOf(step));
  return true;
}

/** @param {Step} step */
function stateOf(step) {
  return JSON.stringify({tool: step.tool ?? '', inputs: hashOf(step.inputs), outputs: hashOf(step.outputs)});
}

/**
 * A hash of the names and contents of files. A file that is missing counts as such.
 * @param {string[]} names
 */
export function hashOf(names) {
  const hash = createHash('sha256');
  for (const name of names.flatMap(filesBelow)) {
    hash.update(`${name}\0`);
    hash.update(existsSync(inRoot(name)) ? createHash('sha256').update(readFileSync(inRoot(name))).digest() : 'missing');
  }
  return hash.digest('hex');
}

/**
 * @param {string} name
 * @returns {string[]}
 */
function filesBelow(name) {
  const full = inRoot(name);
  if (!existsSync(full) || !statSync(full).isDirectory()) {
    return [name];
  }
  return readdirSync(full).sort().flatMap((entry) => filesBelow(path.posix.join(name, entry)));
}
