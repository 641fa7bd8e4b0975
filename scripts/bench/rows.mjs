import {image} from './images.mjs';
import {chromiumDrop, qcowscopeAmend, qcowscopeCheck, qcowscopePlan, qcowscopeRepair, qemuImgAmend, qemuImgCheck, qemuImgRepair} from './sides.mjs';

/**
 * A row compares our way with the reference, on one image. Add a row here to measure more.
 * @typedef {object} Row
 * @property {string} name
 * @property {string} what
 * @property {number} runs of each side, after one that is not counted
 * @property {string} image
 * @property {(file: string) => Promise<import('./sides.mjs').Side>} ours
 * @property {(file: string) => Promise<import('./sides.mjs').Side>} reference
 */

/** @type {Row[]} */
export const rows = [
  {
    name: 'check-native-1T',
    what: 'Check of a 1 TiB image with all its tables (preallocation=metadata), on the command line',
    runs: 7,
    image: 'metadata-1T',
    ours: qcowscopeCheck,
    reference: qemuImgCheck,
  },
  {
    name: 'check-chromium-1T',
    what: 'The same image in a browser tab, from drop to verdict',
    runs: 7,
    image: 'metadata-1T',
    ours: chromiumDrop,
    reference: qemuImgCheck,
  },
  {
    name: 'check-native-64G-4K',
    what: 'Check of a 64 GiB image with 4 KiB clusters (preallocation=metadata)',
    runs: 5,
    image: 'metadata-64G-4K',
    ours: qcowscopeCheck,
    reference: qemuImgCheck,
  },
  {
    name: 'check-native-scattered-128G',
    what: 'Check of a 128 GiB image that was written in random order',
    runs: 3,
    image: 'scattered-128G',
    ours: qcowscopeCheck,
    reference: qemuImgCheck,
  },
  {
    name: 'rebuild-native-1T',
    what: 'Repair of a 1 TiB image whose refblocks are all zero, with the writing of the copy',
    runs: 3,
    image: 'no-refcounts-1T',
    ours: qcowscopeRepair,
    reference: qemuImgRepair,
  },
  {
    name: 'redirect-1T',
    what: 'The plan of the same repair, redirected, beside the plain one: a ratio of 0.5 is twice the time',
    runs: 5,
    image: 'no-refcounts-1T',
    ours: qcowscopePlan(true),
    reference: qcowscopePlan(false),
  },
  {
    name: 'amend-1-to-64-bits',
    what: 'Refcounts of 1 bit to 64 bits in a 64 MiB image with one cluster written, with the writing and checking of the copy',
    runs: 3,
    image: 'one-cluster-64M',
    ours: qcowscopeAmend(64),
    reference: qemuImgAmend(64),
  },
  {
    name: 'amend-16-to-8-bits',
    what: 'Refcounts of 16 bits to 8 bits in a 64 GiB image with all its tables, with the writing and checking of the copy',
    runs: 5,
    image: 'metadata-64G',
    ours: qcowscopeAmend(8),
    reference: qemuImgAmend(8),
  },
];

/**
 * Runs both sides of a row in turn, so that what else the machine does hits both alike.
 * @param {Row} row
 * @param {(line: string) => void} say
 */
export async function measureRow(row, say) {
  const file = await image(row.image);
  const sides = [await row.ours(file), await row.reference(file)];
  const runs = sides.map(() => /** @type {import('./sides.mjs').Run[]} */ ([]));
  try {
    for (let n = 0; n <= row.runs; n++) {
      for (const [i, side] of sides.entries()) {
        const run = await side.run();
        say(`  ${n === 0 ? 'warm-up' : `run ${n}`}: ${side.name} ${run.seconds.toFixed(3)} s, exit ${run.exit}`);
        if (n > 0) {
          runs[i]?.push(run);
        }
      }
    }
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
  const exits = new Set(runs.flat().map((run) => run.exit));
  if (exits.size !== 1) {
    throw new Error(`${row.name}: the sides disagree on the image: exit ${[...exits].join(' and ')}`);
  }
  return {name: row.name, what: row.what, sides: sides.map((side, i) => ({name: side.name, runs: runs[i] ?? []}))};
}
