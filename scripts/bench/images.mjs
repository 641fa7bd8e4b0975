import {existsSync, mkdirSync, renameSync} from 'node:fs';
import {open} from 'node:fs/promises';
import path from 'node:path';
import {buildDir} from '../paths.mjs';
import {must} from '../process.mjs';

/**
 * How an image is made.
 * @typedef {object} Recipe
 * @property {string} options for qemu-img create
 * @property {string} size
 * @property {(file: import('node:fs/promises').FileHandle, path: string) => Promise<void>} [then] what is done to it afterwards
 */

/**
 * Images to measure with, made once and kept. They are sparse: nearly all of what `ls` says
 * of their size is holes.
 * @type {Record<string, Recipe>}
 */
const recipes = {
  'metadata-1T': {options: 'preallocation=metadata', size: '1T'},
  'metadata-64G-4K': {options: 'preallocation=metadata,cluster_size=4K', size: '64G'},
  'scattered-128G': {options: 'preallocation=metadata', size: '128G', then: scatter},
  'metadata-64G': {options: 'preallocation=metadata', size: '64G'},
  'one-cluster-64M': {options: 'refcount_bits=1', size: '64M', then: writeOneCluster},
  'no-refcounts-1T': {options: 'preallocation=metadata', size: '1T', then: zeroRefblocks},
};

/**
 * The file of an image, which is made if it is not there.
 * @param {string} name
 */
export async function image(name) {
  const recipe = recipes[name];
  if (recipe === undefined) {
    throw new Error(`no image ${name}`);
  }
  const folder = path.join(buildDir, 'bench');
  const file = path.join(folder, `${name}.qcow2`);
  if (!existsSync(file)) {
    mkdirSync(folder, {recursive: true});
    const unfinished = `${file}.part`;
    await must(`Making ${name}`, 'qemu-img', ['create', '-q', '-f', 'qcow2', '-o', recipe.options, unfinished, recipe.size]);
    if (recipe.then !== undefined) {
      const handle = await open(unfinished, 'r+');
      await recipe.then(handle, unfinished);
      await handle.close();
    }
    renameSync(unfinished, file);
  }
  return file;
}

/**
 * A copy with the same holes.
 * @param {string} from
 * @param {string} to
 */
export async function copyWithHoles(from, to) {
  await must(`Copying ${from}`, 'cp', ['--sparse=always', from, to]);
}

/**
 * Deals the data clusters to the guest clusters at random, always the same way: as if the
 * guest had written its disk in random order.
 * @param {import('node:fs/promises').FileHandle} file
 */
async function scatter(file) {
  const tables = await tablesOf(file, 40, 36);
  const all = await Promise.all(tables.map(({offset, length}) => words(file, offset, length)));
  const entries = all.flatMap((table) => [...table]);
  let state = 1;
  for (let i = entries.length - 1; i > 0; i--) {
    // The constants of Numerical Recipes' generator; its upper bits are good enough to deal with.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [entries[i], entries[j]] = [/** @type {bigint} */ (entries[j]), /** @type {bigint} */ (entries[i])];
  }
  let next = 0;
  for (const {offset, length} of tables) {
    const table = Buffer.alloc(length);
    for (let at = 0; at < length; at += 8) {
      table.writeBigUInt64BE(entries[next++] ?? 0n, at);
    }
    await file.write(table, 0, length, offset);
  }
}

/**
 * @param {import('node:fs/promises').FileHandle} _
 * @param {string} file
 */
async function writeOneCluster(_, file) {
  await must('Writing a cluster', 'qemu-io', ['-f', 'qcow2', '-c', 'write -P 1 0 64k', file]);
}

/** @param {import('node:fs/promises').FileHandle} file */
async function zeroRefblocks(file) {
  for (const {offset, length} of await tablesOf(file, 48, 56)) {
    await file.write(Buffer.alloc(length), 0, length, offset);
  }
}

/**
 * The tables to which a root table points: L2 tables by way of the L1 table, refblocks by way
 * of the reftable.
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} pointer where the header has the root's offset
 * @param {number} count where it has the number of its entries (L1) or clusters (reftable)
 */
async function tablesOf(file, pointer, count) {
  const header = Buffer.alloc(104);
  await file.read(header, 0, header.length, 0);
  const clusterSize = 2 ** header.readUInt32BE(20);
  const n = header.readUInt32BE(count);
  const root = await words(file, Number(header.readBigUInt64BE(pointer)), pointer === 40 ? n * 8 : n * clusterSize);
  return root.flatMap((entry) => {
    const offset = Number(entry & 0x00fffffffffffe00n);
    return offset === 0 ? [] : [{offset, length: clusterSize}];
  });
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} offset
 * @param {number} length in bytes
 */
async function words(file, offset, length) {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, offset);
  return Array.from({length: length / 8}, (_, i) => bytes.readBigUInt64BE(8 * i));
}
