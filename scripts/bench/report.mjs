import {summary} from './statistics.mjs';

/** @typedef {Awaited<ReturnType<typeof import('./rows.mjs').measureRow>>} Measured */
/** @typedef {Awaited<ReturnType<typeof import('./machine.mjs').machine>>} Machine */

const seconds = (/** @type {number} */ s) => (s < 10 ? s.toFixed(3) : s.toFixed(1));
const mebibytes = (/** @type {number} */ kib) => (kib / 1024).toFixed(0);

/**
 * The results as a page for people.
 * @param {Machine} machine
 * @param {Measured[]} measured
 */
export function markdown(machine, measured) {
  return [
    '# Benchmarks',
    '',
    'Made by `npm run bench -- --write`; do not edit. Every pair was measured in one session, the two sides in turn, each',
    'after one run that is not counted: files are in the page cache. A ratio above 1 means that qcowscope is the faster.',
    'Peak memory is that of the process; for the browser, of the page’s own process with all that Chromium keeps in it.',
    '',
    `Measured ${machine.date} at ${machine.commit}: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}.`,
    `${machine.qemuImg}; ${machine.go}; Node ${machine.node}; ${machine.chromium}.`,
    ...measured.flatMap(section),
    '',
  ].join('\n');
}

/** @param {Measured} row */
function section(row) {
  const [ours, reference] = row.sides.map((side) => summary(side.runs.map((run) => run.seconds)).median);
  const ratio = ours !== undefined && reference !== undefined ? reference / ours : Number.NaN;
  return [
    '',
    `## ${row.name}`,
    '',
    `${row.what}. Ratio ${ratio.toFixed(2)}.`,
    '',
    '| | runs | median s | min to max s | peak MiB |',
    '|---|---|---|---|---|',
    ...row.sides.map((side) => {
      const time = summary(side.runs.map((run) => run.seconds));
      const peak = summary(side.runs.map((run) => run.peakKiB));
      return `| ${side.name} | ${side.runs.length} | ${seconds(time.median)} | ${seconds(time.min)} to ${seconds(time.max)} | ${mebibytes(peak.median)} |`;
    }),
  ];
}
