import {existsSync, mkdirSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import {goTestCounts, tapCounts, vitestCounts} from './counts.mjs';
import {buildPage, wholeCollections} from './build.mjs';
import {buildEdge} from './edge-build.mjs';
import {buildDir, inRoot} from './paths.mjs';
import {must, run} from './process.mjs';

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string} report what failed, in full; '' if nothing did
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {string[]} [after] suites that must have passed before
 * @property {() => Promise<Counts>} run
 */

const js = {GOOS: 'js', GOARCH: 'wasm'};
const full = (process.env.QCOWSCOPE_FULL ?? '') !== '';
/** Under js, which is many times slower, long tests run in part even when all of them is asked for. */
const jsShare = {...js, QCOWSCOPE_FULL: ''};
/**
 * Go's tests make and drop images of a megabyte by the hundred while little is alive: a heap that may grow
 * further is collected less often. Through -exec it is told to the tests, not to the compiler, which keeps much.
 * @param {number} percent
 */
const roomy = (percent) => (full ? '' : `env GOGC=${percent} GOMEMLIMIT=1GiB`);
const goFolders = ['core', 'cmd', 'wasm', 'testimages', 'scripts'];

/**
 * All suites. Those at the front start first: the builds, on which others wait, and what takes longest on one core.
 * @param {import('./setup.mjs').GoTool} go
 * @returns {Suite[]}
 */
export function allSuites(go) {
  const goJs = `${roomy(400)} node --stack-size=8192 ${path.join(go.root, 'lib/wasm/wasm_exec_node.js')}`;
  return [
    {name: 'protocol types', run: () => program('go', ['run', './scripts/gen-protocol', '-check'])},
    {name: 'page build', after: ['protocol types'], run: () => built(buildPage)},
    {name: 'worker build', after: ['page build'], run: () => built(buildEdge)},
    {name: 'e2e in Chromium', after: ['worker build'], run: () => vitest('e2e/vitest.config.ts')},
    {name: 'gofmt', run: gofmt},
    {name: 'go vet', run: () => program('go', ['vet', './...'])},
    {name: 'go vet, wasm', run: () => program('go', ['vet', './core/...', './wasm/...', './testimages/...'], js)},
    {name: 'go test', run: () => goTest([`-exec=${roomy(800)}`, './...'])},
    {name: 'edge in workerd', after: ['worker build'], run: () => nodeTests('.workerd.mjs')},
    {name: 'go test, wasm', run: () => goTest([`-exec=${goJs.trim()}`, `-ldflags=${wholeCollections}`, './core/...', './wasm/...', './testimages/...'], jsShare)},
    {name: 'staticcheck', run: () => staticcheck({}, ['./...'])},
    {name: 'staticcheck, wasm', run: () => staticcheck(js, ['./wasm/...'])},
    {name: 'types', after: ['page build'], run: () => npmScript('typecheck')},
    {name: 'eslint', after: ['page build'], run: () => npmScript('lint')},
    {name: 'scripts', after: ['page build'], run: () => nodeTests('.test.mjs')},
    {name: 'vitest', after: ['page build'], run: () => vitest('vitest.config.ts')},
  ];
}

/**
 * A program that passes or fails as one.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<Counts>}
 */
async function program(command, args, env) {
  const {code, output} = await run(command, args, {env: env ?? {}});
  return one(code === 0, output);
}

/**
 * @param {boolean} passed
 * @param {string} output
 * @returns {Counts}
 */
function one(passed, output) {
  return {passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0, report: passed ? '' : output};
}

/** @param {string} name */
function npmScript(name) {
  return program('npm', ['run', '--silent', name]);
}

async function gofmt() {
  const {code, output} = await run('gofmt', ['-l', ...goFolders.filter((folder) => existsSync(inRoot(folder)))]);
  return one(code === 0 && output === '', `not formatted, run gofmt -w on:\n${output}`);
}

/**
 * The tool is built for this machine first, and only then told of the other one.
 * @param {Record<string, string>} env
 * @param {string[]} packages
 */
async function staticcheck(env, packages) {
  const tool = await must('Building staticcheck', 'go', ['tool', '-n', 'staticcheck']);
  return program(tool.trim(), packages, env);
}

/** @param {(say: (line: string) => void) => Promise<void>} build */
async function built(build) {
  /** @type {string[]} */
  const lines = [];
  try {
    await build((line) => lines.push(line));
    return one(true, '');
  } catch (e) {
    return one(false, [...lines, e instanceof Error ? e.message : String(e)].join('\n'));
  }
}

/**
 * Go's tests. What “go test” would vet of a package before it is a part of the suites that vet all of them.
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
async function goTest(args, env) {
  const longest = full ? ['-timeout=3h'] : [];
  const {code, stdout, output} = await run('go', ['test', '-json', '-vet=off', ...longest, ...args], {env: env ?? {}});
  return goTestCounts(code, stdout, output);
}

/**
 * The tests below scripts whose names end so.
 * @param {string} ending
 */
async function nodeTests(ending) {
  const names = readdirSync(inRoot('scripts'), {encoding: 'utf8', recursive: true}).filter((name) => name.endsWith(ending));
  if (names.length === 0) {
    return one(false, `there is no ${ending} below scripts`);
  }
  const {code, output} = await run(process.execPath, ['--test', '--test-reporter=tap', ...names.map((name) => inRoot('scripts', name))]);
  return tapCounts(code, output);
}

/** @param {string} config */
async function vitest(config) {
  const file = path.join(buildDir, `${config.replace(/\W+/g, '-')}.json`);
  mkdirSync(buildDir, {recursive: true});
  rmSync(file, {force: true});
  const args = ['run', '--config', config, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const {code, output} = await run(process.execPath, [inRoot('node_modules/vitest/vitest.mjs'), ...args], {
    env: {NO_COLOR: '1'},
  });
  return vitestCounts(code, existsSync(file) ? readFileSync(file, 'utf8') : '', output);
}
