import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {must} from '../process.mjs';
import {inRoot} from '../paths.mjs';
import {client, commandLine, goProgram, plain, temporary, token} from './world.mjs';

const images = 120;

/** How long what was queued is waited for, in seconds. */
const lease = 2;

test('ended in the middle of a fleet and started again: nothing is lost, nothing done twice', async (t) => {
  const folder = temporary(t);
  const state = temporary(t);
  await must('Making images', 'go', ['run', './scripts/edge-images', '-o', folder, '-n', String(images), '-seed', '5']);
  const want = await commandLine(await goProgram(temporary(t), './cmd/qcowscope'), folder);

  const first = await startProgram(t, ['--state', state, '--images', folder]);
  const id = await first.begin('');
  const before = await first.until('a quarter is done', async () => {
    const results = await first.results(id);
    return [results.length >= images / 4, results];
  });
  await first.kill();
  assert.ok(before.length < images, 'it was not ended in the middle');
  await sleep(1000 * lease);

  const second = await startProgram(t, ['--state', state]);
  const run = await second.finished(id);
  assert.equal(run.counts.images, images);
  assert.equal(run.counts.done, images);
  assert.deepEqual(run.results.map((/** @type {any} */ r) => r.key).sort(), [...want.keys()].sort(), 'each image once');
  for (const done of before) {
    const after = run.results.find((/** @type {any} */ r) => r.key === done.key);
    assert.deepEqual(after, done, 'what was done is not done again');
  }
  for (const [key, found] of want) {
    const {json} = await second.get(`/api/images/${encodeURIComponent(key)}/findings`);
    assert.deepEqual(plain(json), plain(found), key);
  }
  await second.kill();
});

/**
 * The program that npm run edge runs, in a process of its own.
 * @param {import('node:test').TestContext} t
 * @param {string[]} args
 */
async function startProgram(t, args) {
  const child = spawn(process.execPath, [inRoot('scripts/edge.mjs'), '--port', '0', ...args], {
    detached: true, // with a group of its own, which is ended as one
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {...process.env, TOKEN: token, LEASE: `${lease}s`, RETRY: '1s'},
  });
  const ended = once(child, 'exit');
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(-(child.pid ?? NaN), 'SIGKILL');
      await ended;
    }
  };
  t.after(kill);
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    if (said.includes('The token for signing in')) {
      break;
    }
  }
  const url = /Open (http:\S+) in a browser/.exec(said)?.[1];
  assert.ok(url !== undefined, said);
  return {...client(url), kill};
}
