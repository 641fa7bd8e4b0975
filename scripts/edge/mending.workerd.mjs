import assert from 'node:assert/strict';
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {before, test} from 'node:test';
import {buildEdge} from '../edge-build.mjs';
import {must} from '../process.mjs';
import {commandLine, goProgram, openWorld, plain, temporary} from './world.mjs';

before(() => buildEdge(() => {}));

const clean = readFileSync('web/public/samples/disk_in_order.qcow2');
const leaks = readFileSync('web/public/samples/leftover_clusters.qcow2');

/**
 * @param {any} run
 * @param {string} key
 */
const result = (run, key) => run.results.find((/** @type {any} */ r) => r.key === key);

test('an image that changes while it is read is begun again', async (t) => {
  const world = await openWorld(t);
  await world.put('vm/changing.qcow2', clean);
  await world.trouble('changes', 'vm/changing.qcow2', leaks);
  const run = await world.finished(await world.begin('vm/'));
  const now = await (await world.bucket()).head('vm/changing.qcow2');
  assert.equal(result(run, 'vm/changing.qcow2').verdict, 'waste', 'what it has become');
  assert.equal(result(run, 'vm/changing.qcow2').etag, now?.etag);
  await world.put('vm/other.qcow2', clean);
  await world.trouble('changes', 'vm/other.qcow2', leaks);
  const {status, json} = await world.post('/api/check', {key: 'vm/other.qcow2'});
  assert.equal(status, 200);
  assert.equal(json.verdict, 'waste');
});

test('images that cannot be checked are given up with the reason, and hold nobody up', async (t) => {
  const world = await openWorld(t);
  const good = Array.from({length: 25}, (_, i) => `vm/good ${i}.qcow2`);
  const bad = ['vm/flickers.qcow2', 'vm/fails.qcow2', 'vm/hangs.qcow2'];
  for (const key of [...good, ...bad]) {
    await world.put(key, clean);
  }
  await world.trouble('flickers', 'vm/flickers.qcow2', clean);
  await world.trouble('fails', 'vm/fails.qcow2');
  await world.trouble('hangs', 'vm/hangs.qcow2');
  const run = await world.finished(await world.begin('vm/'));
  assert.equal(run.counts.done, good.length + bad.length);
  assert.equal(run.counts.clean, good.length);
  assert.equal(run.counts.unreadable, bad.length);
  assert.match(result(run, 'vm/flickers.qcow2').reason, /changed/);
  assert.match(result(run, 'vm/fails.qcow2').reason, /internal error.*10001/);
  assert.match(result(run, 'vm/hangs.qcow2').reason, /host was ended/);
  assert.ok((await world.watched()).attempts > 4, 'they were tried again');
  const found = await world.get('/api/images/vm%2Ffails.qcow2/findings');
  assert.match(found.json.problem.what, /10001/);
  assert.equal(found.json.ended, true);
  assert.ok(world.log.some((line) => line.startsWith('given up: "vm/fails.qcow2"')));
});

test('messages that come twice change nothing', async (t) => {
  const world = await openWorld(t);
  const folder = temporary(t);
  await must('Making images', 'go', ['run', './scripts/edge-images', '-o', folder, '-n', '40', '-seed', '4']);
  const names = readdirSync(folder, {encoding: 'utf8', recursive: true}).filter((name) => statSync(path.join(folder, name)).isFile());
  for (const name of names) {
    await world.put(`all/${name}`, readFileSync(path.join(folder, name)));
  }
  const want = await commandLine(await goProgram(temporary(t), './cmd/qcowscope'), folder);
  await world.copies(3);
  const id = await world.begin('all/');
  await world.until('all copies were delivered', async () => {
    const watched = await world.watched();
    return [watched.messages >= 3 * (1 + names.length), watched];
  });
  const run = await world.finished(id);
  assert.equal(run.counts.images, names.length);
  assert.equal(run.counts.done, names.length);
  assert.deepEqual(run.results.map((/** @type {any} */ r) => r.key).sort(), names.map((name) => `all/${name}`).sort(), 'each once');
  for (const name of names) {
    const found = await world.get(`/api/images/${encodeURIComponent(`all/${name}`)}/findings`);
    assert.deepEqual(plain(found.json, 'all/'), plain(want.get(name)), name);
    assert.deepEqual(result(run, `all/${name}`).history, undefined, 'one version has no history');
  }
});

test('the clock checks again what has changed, and keeps the trend', async (t) => {
  const world = await openWorld(t);
  for (const key of ['vm/a.qcow2', 'vm/b.qcow2', 'elsewhere/c.qcow2']) {
    await world.put(key, clean);
  }
  await world.finished(await world.begin('vm/'));
  await world.put('vm/b.qcow2', leaks);
  await world.put('vm/new.qcow2', leaks);
  await world.tick('17 3 * * *');
  const runs = await world.until('the clock has begun a run', async () => {
    const {fleets} = (await world.get('/api/fleets')).json;
    return [fleets.length === 2, fleets];
  });
  const run = await world.finished(runs[0].id);
  assert.equal(run['only-changed'], true);
  assert.deepEqual(run.results.map((/** @type {any} */ r) => r.key).sort(), ['vm/b.qcow2', 'vm/new.qcow2']);
  const b = (await world.images('vm/b')).at(0);
  assert.equal(b.result.verdict, 'waste');
  assert.equal(b.result.history.length, 1);
  assert.equal(b.result.history[0]['exit-code'], 0, 'what it was before');
  await (await world.bucket()).delete('vm/a.qcow2');
  await world.tick('17 3 * * *');
  assert.equal((await world.get('/api/images/vm%2Fa.qcow2/findings')).status, 404, 'the result of what is gone is swept away');
});
