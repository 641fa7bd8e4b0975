import {runMain} from './failure.mjs';
import {checkNode, findGo, installPackages, installTestTools} from './setup.mjs';
import {allSuites} from './suites.mjs';

/** @typedef {import('./suites.mjs').Suite} Suite */
/** @typedef {import('./suites.mjs').Counts} Counts */

/** Most suites use more than one core themselves. */
const lanes = 2;

await runMain(async () => {
  checkNode();
  const go = await findGo();
  await installPackages();
  const installed = await installTestTools();
  if (installed.length > 0) {
    console.log(`installed ${installed.join(' ')}`);
  }
  const results = await runAll(allSuites(go));
  const sum = (/** @type {'passed' | 'failed'} */ key) => results.reduce((n, counts) => n + counts[key], 0);
  const failed = sum('failed');
  console.log(`\n${sum('passed')} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
});

/**
 * Runs the suites, a few at a time, each after those that it needs.
 * @param {Suite[]} suites
 * @returns {Promise<Counts[]>}
 */
async function runAll(suites) {
  const waiting = [...suites];
  /** @type {Map<string, Counts>} */
  const done = new Map();
  /** @type {Map<string, Promise<void>>} */
  const running = new Map();
  while (done.size < suites.length) {
    const next = running.size < lanes ? waiting.findIndex((suite) => (suite.after ?? []).every((name) => done.has(name))) : -1;
    const [suite] = next >= 0 ? waiting.splice(next, 1) : [];
    if (suite === undefined) {
      await Promise.race(running.values());
      continue;
    }
    running.set(
      suite.name,
      runOne(suite, done).then((counts) => {
        done.set(suite.name, counts);
        running.delete(suite.name);
      }),
    );
  }
  return [...done.values()];
}

/**
 * Runs one suite and prints its line, and in full what failed.
 * @param {Suite} suite
 * @param {Map<string, Counts>} done
 * @returns {Promise<Counts>}
 */
async function runOne(suite, done) {
  const start = Date.now();
  const broken = (suite.after ?? []).find((name) => (done.get(name)?.failed ?? 0) > 0);
  const counts = broken === undefined ? await suite.run().catch(crashed) : notRun(broken);
  const {passed, failed, skipped, report} = counts;
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const skips = skipped > 0 ? `, ${skipped} skipped` : '';
  const verdict = failed > 0 ? 'FAIL' : 'ok  ';
  console.log(`${verdict} ${suite.name.padEnd(18)}${seconds.padStart(7)} s   ${passed} passed, ${failed} failed${skips}`);
  if (failed > 0) {
    console.log(`${report.trimEnd()}\n`);
  }
  return counts;
}

/**
 * @param {string} broken
 * @returns {Counts}
 */
function notRun(broken) {
  return {passed: 0, failed: 1, skipped: 0, report: `not run, because “${broken}” failed`};
}

/**
 * @param {unknown} e
 * @returns {Counts}
 */
function crashed(e) {
  return {passed: 0, failed: 1, skipped: 0, report: e instanceof Error ? (e.stack ?? e.message) : String(e)};
}
