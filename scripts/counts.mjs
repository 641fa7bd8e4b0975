/**
 * What the test runners say, as counts. A runner that ends badly without naming a failed
 * test, or that ran no test at all, counts as one failure: silence is never a pass.
 */

/** @typedef {import('./suites.mjs').Counts} Counts */

/**
 * @typedef {object} GoEvent
 * @property {string} Action
 * @property {string} [Package]
 * @property {string} [ImportPath]
 * @property {string} [Test]
 * @property {string} [Output]
 */

/**
 * Counts the events of `go test -json`.
 * @param {number} code its exit code
 * @param {string} stdout
 * @param {string} output standard output and error, for when it could not even start
 * @returns {Counts}
 */
export function goTestCounts(code, stdout, output) {
  const counts = {passed: 0, failed: 0, skipped: 0};
  /** Output by package and test, of what has not passed. @type {Map<string, string>} */
  const said = new Map();
  /** @type {string[]} */
  const reports = [];
  for (const event of goEvents(stdout)) {
    const pkg = event.Package ?? event.ImportPath ?? '';
    const key = `${pkg} ${event.Test ?? ''}`;
    if (event.Output !== undefined) {
      said.set(key, (said.get(key) ?? '') + event.Output);
    }
    if (event.Action === 'fail') {
      reports.push(said.get(key) ?? key);
      reports.push(...(event.Test === undefined ? unended(said, pkg) : []));
    }
    if (event.Test !== undefined) {
      said.delete(['pass', 'fail', 'skip'].includes(event.Action) ? key : '');
      counts.passed += event.Action === 'pass' ? 1 : 0;
      counts.failed += event.Action === 'fail' ? 1 : 0;
      counts.skipped += event.Action === 'skip' ? 1 : 0;
    } else if (event.Action === 'build-fail') {
      counts.failed++;
      reports.push(said.get(key) ?? key);
    }
  }
  return settled(code, counts, reports.length > 0 ? reports.join('') : output.replace(/^\{.*\n?/gm, ''));
}

/**
 * What the tests said that a package's crash cut off: the crash is told there.
 * @param {Map<string, string>} said
 * @param {string} pkg
 */
function unended(said, pkg) {
  return [...said].filter(([key]) => key.startsWith(`${pkg} `) && key !== `${pkg} `).map(([, output]) => output);
}

/**
 * @param {string} stdout
 * @returns {GoEvent[]}
 */
function goEvents(stdout) {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

/**
 * Counts the JSON report of Vitest.
 * @param {number} code
 * @param {string} json '' if there is none
 * @param {string} output
 * @returns {Counts}
 */
export function vitestCounts(code, json, output) {
  const report = json === '' ? {} : JSON.parse(json);
  const counts = {
    passed: report.numPassedTests ?? 0,
    failed: report.numFailedTests ?? 0,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
  };
  return settled(code, counts, output);
}

/**
 * Counts the summary of `node --test` in its TAP form.
 * @param {number} code
 * @param {string} output
 * @returns {Counts}
 */
export function tapCounts(code, output) {
  const number = (/** @type {string} */ name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  return settled(code, {passed: number('pass'), failed: number('fail'), skipped: number('skipped')}, output);
}

/**
 * @param {number} code
 * @param {{passed: number, failed: number, skipped: number}} counts
 * @param {string} report
 * @returns {Counts}
 */
function settled(code, counts, report) {
  if (counts.failed > 0) {
    return {...counts, report};
  }
  if (code !== 0) {
    return {...counts, failed: 1, report};
  }
  if (counts.passed === 0) {
    return {...counts, failed: 1, report: `${report}\nno test ran\n`};
  }
  return {...counts, report: ''};
}
