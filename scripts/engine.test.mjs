// The engine as it is built for the page, in Node, with a host that serves a file from memory.

import assert from 'node:assert/strict';
import {readFileSync, readdirSync} from 'node:fs';
import {after, before, test} from 'node:test';
import {brotliCompressSync, constants} from 'node:zlib';
import {inRoot} from './paths.mjs';

const wasm = readFileSync(inRoot('web/public/engine/engine.wasm'));
const samples = JSON.parse(readFileSync(inRoot('web/public/samples/samples.json'), 'utf8'));
/** @param {string} id */
const sample = (id) => readFileSync(inRoot('web/public/samples', `${id}.qcow2`));

/** What Go adds to the global object, and what it finds there. @type {any} */
const globals = globalThis;

/**
 * The host's side: what it serves, and how it behaves.
 * @type {{bytes: Buffer, code: number, reads: number, onRead: () => void, progress: object[]}}
 */
const host = {bytes: Buffer.alloc(0), code: 0, reads: 0, onRead: () => undefined, progress: []};
/** @type {WebAssembly.Instance} */
let instance;

/**
 * io.start: later, as a browser does, copies each range and says that it is done.
 * @param {number} file
 * @param {number} id
 * @param {number} pointer
 * @param {number} count
 */
function start(file, id, pointer, count) {
  assert.equal(file, 0, 'only the image is attached');
  host.reads++;
  host.onRead();
  setImmediate(() => {
    const memory = Buffer.from(/** @type {any} */ (instance.exports).mem.buffer);
    for (let at = pointer; at < pointer + count * 16; at += 16) {
      const offset = memory.readDoubleLE(at);
      const length = memory.readUInt32LE(at + 12);
      assert.ok(offset >= 0 && offset + length <= host.bytes.length, 'reads stay inside the file');
      host.bytes.copy(memory, memory.readUInt32LE(at + 8), offset, offset + length);
    }
    globals.qcowscopeDone(id, host.code);
  });
}

before(async () => {
  await import(inRoot('web/src/engine/wasm_exec.js'));
  const go = new globals.Go();
  go.importObject.io = {start};
  globals.qcowscopeHost = {size: 0, progress: (/** @type {object} */ p) => host.progress.push(p)};
  instance = (await WebAssembly.instantiate(wasm, go.importObject)).instance;
  void go.run(instance);
});

// Go waits for calls for ever, and its port to the event loop keeps Node alive.
after(() => setImmediate(() => process.exit()));

/**
 * @param {string} op
 * @param {unknown} [request]
 */
const call = (op, request) => globals.qcowscope.call(op, request);

/** @param {Buffer} bytes */
async function open(bytes) {
  Object.assign(host, {bytes, code: 0, reads: 0, onRead: () => undefined, progress: []});
  globals.qcowscopeHost.size = bytes.length;
  return call('open', {name: 'disk.qcow2'});
}

/**
 * The problem with which a call is rejected.
 * @param {Promise<unknown>} promise
 */
async function problemOf(promise) {
  const error = await promise.then(
    () => assert.fail('not rejected'),
    (/** @type {unknown} */ e) => e,
  );
  assert.ok(error instanceof Error && 'problem' in error);
  return /** @type {import('../web/src/protocol/protocol.gen.ts').Problem} */ (error.problem);
}

test('every sample gets the verdict of its list', async () => {
  assert.ok(samples.length > 0);
  for (const {id, expect} of samples) {
    const opened = await open(sample(id));
    assert.equal(opened.opened, true, id);
    const verdict = await call('check', {deep: false});
    const got = {corruptions: verdict.corruptions, leaks: verdict.leaks, exit: verdict.exitCode};
    assert.deepEqual(got, expect, id);
  }
});

test('the whole road: findings, map, cluster, plan, writes, apply, segments, report, undo', async () => {
  const file = sample('lost_refcounts');
  await open(file);
  const before = await call('check', {deep: false});
  const {findings} = await call('findings', {code: before.groups[0].code, from: 0, count: 100, picks: []});
  assert.ok(findings.length > 0 && findings.every((/** @type {any} */ f) => f.what !== ''));
  const tile = await call('mapTile', {space: 'host', layer: 0, order: 'along', level: 0, x: 0, y: 0, clusters: 8});
  assert.ok(tile instanceof Uint8Array && tile.length === 16);
  assert.equal((await call('cluster', {cluster: 0})).owner, 'header');
  const plan = await call('plan', {scope: 'all', accept: [], leave: []});
  assert.equal(plan.empty, false);
  assert.equal((await call('writes', {from: 0, count: 100, picks: []})).writes.length, Math.min(100, plan.writes));
  const repaired = await call('apply');
  assert.deepEqual([repaired.exitCode, repaired.applied, repaired.state], [0, true, 'healthy']);
  assert.notDeepEqual(assembled(file, await call('segments')), file);
  assert.equal(JSON.parse(Buffer.from(await call('report')).toString()).verdict.exitCode, 0);
  const undone = await call('undo');
  assert.deepEqual([undone.exitCode, undone.applied], [before.exitCode, false]);
  assert.deepEqual(assembled(file, await call('segments')), file);
  assert.deepEqual(Buffer.from(await call('bytes', {offset: 0, length: 4})), file.subarray(0, 4));
});

/**
 * The image that segments describe, see the end of protocol.go.
 * @param {Buffer} file
 * @param {{starts: Float64Array, lengths: Float64Array, patch: Uint8Array}} segments
 */
function assembled(file, {starts, lengths, patch}) {
  let used = 0;
  const parts = [...starts].map((start, i) => {
    const length = lengths[i] ?? Number.NaN;
    if (start === -2) {
      return Buffer.alloc(length);
    }
    if (start === -1) {
      used += length;
      return patch.subarray(used - length, used);
    }
    return file.subarray(start, start + length);
  });
  assert.equal(used, patch.length);
  return Buffer.concat(parts);
}

test('what is no qcow2 image is explained, not thrown', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(512), brotliCompressSync('x'), Buffer.from('QFI\xfb\0\0\0\x03', 'latin1')]) {
    const {opened, problem} = await open(bytes);
    assert.equal(opened, false);
    assert.ok(problem.title !== '' && problem.advice !== '');
  }
});

test('a file that became unreadable is said so, by either of the host’s codes', async () => {
  for (const code of [1, 2]) {
    await open(sample('disk_in_order'));
    host.code = code;
    const problem = await call('check', {deep: false}).then(
      (/** @type {any} */ verdict) => {
        assert.equal(verdict.incomplete, true);
        return verdict.problem;
      },
      (/** @type {any} */ e) => e.problem,
    );
    assert.equal(problem.kind, 'read');
  }
});

test('cancel ends a check', async () => {
  await open(sample('disk_in_order'));
  host.onRead = () => globals.qcowscope.cancel();
  const outcome = await call('check', {deep: false}).then(
    (/** @type {any} */ verdict) => verdict.problem,
    (/** @type {any} */ e) => e.problem,
  );
  assert.equal(outcome.kind, 'cancelled');
});

test('a wrong call is refused, and the next one works', async () => {
  await open(sample('disk_in_order'));
  for (const wrong of [call('nonsense', {}), call('findings', {from: 1.5}), call('findings', undefined), call('findings', 7), globals.qcowscope.call()]) {
    assert.equal((await problemOf(wrong)).kind, 'internal');
  }
  assert.equal((await call('check', {deep: false})).exitCode, 0);
});

test('what the page starts with stays small: it is fetched before the first check', () => {
  // Brotli at its middle level is what the page's server sends to every browser of today.
  const served = (/** @type {string} */ file) => brotliCompressSync(readFileSync(file), {params: {[constants.BROTLI_PARAM_QUALITY]: 5}}).length;
  const assets = readdirSync(inRoot('dist/assets')).map((name) => inRoot('dist/assets', name));
  const bytes = [...assets, inRoot('dist/index.html'), inRoot('dist/engine/first.wasm')].reduce((sum, file) => sum + served(file), 0);
  assert.ok(assets.length >= 3, 'the page has scripts and styles');
  assert.ok(bytes < 1_500_000, `${bytes} bytes compressed`);
});
