import {copyFileSync, mkdirSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {runMain} from './failure.mjs';
import {inRoot} from './paths.mjs';
import {must} from './process.mjs';
import {checkNode, findGo, installPackages} from './setup.mjs';
import {runStep} from './step.mjs';

/** @typedef {import('./setup.mjs').GoTool} GoTool */
/** @typedef {import('./step.mjs').Step} Step */

export const goInputs = ['go.mod', 'go.sum', 'core', 'wasm'];

/**
 * A collection in one go, for whatever runs as WebAssembly. There is one thread: the collector that works beside the
 * program would run only when the program waits, and on a busy machine a long calculation has filled the 4 GiB by then.
 */
export const wholeCollections = '-X=runtime.godebugDefault=gcstoptheworld=1';

const engineArgs = ['build', '-trimpath', `-ldflags=-s -w ${wholeCollections}`];

/**
 * The steps from sources to the built page, in order.
 * @param {GoTool} go
 * @returns {Step[]}
 */
function steps(go) {
  const goEnv = [process.env.GOFLAGS ?? '', process.env.GOEXPERIMENT ?? ''].join(' ');
  return [
    {
      name: 'engine',
      tool: `${go.version} ${engineArgs.join(' ')} ${goEnv}`,
      inputs: goInputs,
      outputs: ['web/public/engine/first.wasm', 'web/public/engine/engine.wasm', 'web/src/engine/wasm_exec.js'],
      work: () => buildEngine(go),
    },
    {
      name: 'samples',
      tool: go.version,
      inputs: [...goInputs, 'testimages', 'scripts/samples'],
      outputs: ['web/public/samples'],
      work: async () => {
        await must('Making the sample images', 'go', ['run', './scripts/samples', '-o', 'web/public/samples']);
      },
    },
    {
      name: 'protocol',
      inputs: ['wasm/service', 'scripts/gen-protocol'],
      outputs: ['web/src/protocol/protocol.gen.ts'],
      work: async () => {
        await must('Generating the protocol types', 'go', ['run', './scripts/gen-protocol']);
      },
    },
    {
      name: 'page',
      tool: process.version,
      inputs: ['package-lock.json', 'vite.config.ts', 'tsconfig.json', 'web/index.html', 'web/public', 'web/src'],
      outputs: ['dist'],
      work: async () => {
        const vite = inRoot('node_modules/vite/bin/vite.js');
        await must('Building the page', process.execPath, [vite, 'build'], {env: {NO_COLOR: '1'}});
      },
    },
  ];
}

/**
 * The Go core as WebAssembly, what the page starts with apart, and the script of the same Go version that starts it.
 * @param {GoTool} go
 */
async function buildEngine(go) {
  mkdirSync(inRoot('web/public/engine'), {recursive: true});
  mkdirSync(inRoot('web/src/engine'), {recursive: true});
  const env = {GOOS: 'js', GOARCH: 'wasm'};
  await must('Building the engine', 'go', [...engineArgs, '-o', 'web/public/engine/engine.wasm', './wasm/browser'], {env});
  const first = ['-tags=first', '-o', 'web/public/engine/first.wasm'];
  await must('Building the first engine', 'go', [...engineArgs, ...first, './wasm/browser'], {env});
  copyFileSync(path.join(go.root, 'lib/wasm/wasm_exec.js'), inRoot('web/src/engine/wasm_exec.js'));
}

/**
 * Builds everything that the page needs; steps whose inputs did not change are not run.
 * @param {(line: string) => void} say
 */
export async function buildPage(say) {
  checkNode();
  const go = await findGo();
  await timed('packages', installPackages, say);
  for (const step of steps(go)) {
    await timed(step.name, () => runStep(step), say);
  }
}

/**
 * @param {string} name
 * @param {() => Promise<boolean>} work resolves with whether there was anything to do
 * @param {(line: string) => void} say
 */
export async function timed(name, work, say) {
  const start = Date.now();
  const ran = await work();
  say(`  ${name.padEnd(10)}${ran ? `${((Date.now() - start) / 1000).toFixed(1)} s` : 'fresh'}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runMain(() => buildPage(console.log));
}
