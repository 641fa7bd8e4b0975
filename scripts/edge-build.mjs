import {copyFileSync, cpSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {gzipSync} from 'node:zlib';
import {buildPage, goInputs, timed, wholeCollections} from './build.mjs';
import {Failure, runMain} from './failure.mjs';
import {headersFile} from './headers.mjs';
import {buildDir, inRoot, pageDir} from './paths.mjs';
import {must} from './process.mjs';
import {findGo} from './setup.mjs';
import {hashOf, runStep} from './step.mjs';

/** @typedef {import('./setup.mjs').GoTool} GoTool */
/** @typedef {import('./step.mjs').Step} Step */

/** What is deployed: worker/ with the program, assets/ with the page. */
export const edgeDir = path.join(buildDir, 'edge');

/** The worker's configuration, for deploying and for running here. */
export const edgeConfig = inRoot('wasm/edge/wrangler.jsonc');

/**
 * How large the program may be, compressed. The platform's oldest limit is 3 MB on its free plan and 10 MB on the
 * paid ones; newer pages of it say 64 MiB uncompressed on all. We keep the smallest.
 */
export const mostCompressed = 3_000_000;

const inputs = [...goInputs, 'docs/docs.go', 'docs/openapi.json', 'docs/check.schema.json'];

/**
 * @param {GoTool} go
 * @returns {Step[]}
 */
function steps(go) {
  return [
    {name: 'worker', tool: go.version, inputs, outputs: ['build/edge/worker'], work: buildWorker},
    {
      name: 'assets',
      inputs: ['dist', 'scripts/headers.mjs', 'scripts/edge-build.mjs'],
      outputs: ['build/edge/assets'],
      work: async () => {
        const assets = path.join(edgeDir, 'assets');
        rmSync(assets, {recursive: true, force: true});
        cpSync(pageDir, assets, {recursive: true});
        nameApi(path.join(assets, 'index.html'));
        writeFileSync(path.join(assets, '_headers'), headersFile());
        writeFileSync(path.join(assets, '404.html'), '<!doctype html><title>Not found</title><p>There is nothing at this address. <a href="/">qcowscope</a>\n');
      },
    },
  ];
}

/**
 * Says in the page that its server has the API, so that it offers to sign in.
 * @param {string} index
 */
function nameApi(index) {
  const page = readFileSync(index, 'utf8');
  const named = page.replace('<title>', '<meta name="qcowscope-api" content="api/" />\n    <title>');
  if (named === page) {
    throw new Failure(`${index} has no title.`, 'the page says there where the API is.');
  }
  writeFileSync(index, named);
}

/** The scripts that start Go in a Worker, and the program. */
async function buildWorker() {
  const folder = path.join(edgeDir, 'worker');
  const program = path.join(folder, 'app.wasm');
  const sources = `-X main.build=${hashOf(inputs).slice(0, 16)}`;
  await must('Making the worker’s scripts', 'go', ['run', 'github.com/syumai/workers/cmd/workers-assets-gen', '-mode=go', '-o', folder]);
  await must('Building the worker', 'go', ['build', '-trimpath', `-ldflags=-s -w ${wholeCollections} ${sources}`, '-o', program, './wasm/edge'], {
    env: {GOOS: 'js', GOARCH: 'wasm'},
  });
  copyFileSync(inRoot('wasm/edge/entry.mjs'), path.join(folder, 'entry.mjs'));
  const size = compressedSize();
  if (size > mostCompressed) {
    throw new Failure(`The worker has ${size} bytes compressed, more than ${mostCompressed}.`, 'find out which import has made it grow.');
  }
}

/** How many bytes the program has on its way to the platform. */
export function compressedSize() {
  return gzipSync(readFileSync(path.join(edgeDir, 'worker', 'app.wasm'))).length;
}

/**
 * Builds the page and the worker; steps whose inputs did not change are not run.
 * @param {(line: string) => void} say
 */
export async function buildEdge(say) {
  await buildPage(say);
  const go = await findGo();
  for (const step of steps(go)) {
    await timed(step.name, () => runStep(step), say);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runMain(() => buildEdge(console.log));
}
