import assert from 'node:assert/strict';
import {readFileSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {before, test} from 'node:test';
import {buildEdge} from '../edge-build.mjs';
import {must} from '../process.mjs';
import {commandLine, full, goProgram, openWorld, plain, temporary} from './world.mjs';

/** How many images are in the fleet. The share is taken anew by the day, so that all have their turn. */
const images = full ? 1000 : 150;
const seed = full ? 1 : Math.floor(Date.now() / 86_400_000);

before(() => buildEdge(() => {}));

test(`a fleet of ${images} images (seed ${seed}): every verdict is the command line's`, async (t) => {
  const world = await openWorld(t);
  const folder = temporary(t);
  await must('Making images', 'go', ['run', './scripts/edge-images', '-o', folder, '-n', String(images), '-seed', String(seed)]);
  const names = readdirSync(folder, {encoding: 'utf8', recursive: true}).filter((name) => statSync(path.join(folder, name)).isFile());
  assert.equal(names.length, images);
  for (const name of names) {
    await world.put(`all/${name}`, readFileSync(path.join(folder, name)));
  }
  await world.put('all/notes.txt', Buffer.from('not an image'));
  const want = await commandLine(await goProgram(temporary(t), './cmd/qcowscope'), folder);

  const start = performance.now();
  const run = await world.finished(await world.begin('all/'));
  const {most} = await world.watched();
  t.diagnostic(`${images} images in ${((performance.now() - start) / 1000).toFixed(1)} s, at most ${(most / 2 ** 20).toFixed(0)} MiB of memory in an event`);

  assert.equal(run.counts.images, images);
  assert.equal(run.counts.done, images);
  assert.deepEqual(run.results.map((/** @type {any} */ r) => r.key).sort(), names.map((name) => `all/${name}`).sort());
  const badness = [2, 1, 63, 3, 0];
  const order = run.results.map((/** @type {any} */ r) => badness.indexOf(r['exit-code']));
  assert.deepEqual(order, order.toSorted((/** @type {number} */ a, /** @type {number} */ b) => a - b), 'the worst first');
  for (const name of names) {
    const key = `all/${name}`;
    const {status, json} = await world.get(`/api/images/${encodeURIComponent(key)}/findings`);
    assert.equal(status, 200);
    assert.deepEqual(plain(json, 'all/'), plain(want.get(name)), name);
    const short = run.results.find((/** @type {any} */ r) => r.key === key);
    assert.equal(short.verdict, json.verdict);
    assert.equal(short['exit-code'], json['exit-code']);
  }
  const listed = await world.images('all/');
  assert.equal(listed.length, images);
  assert.ok(listed.every((image) => image.current && image.result.verdict === want.get(image.key.slice(4)).verdict));
  assert.deepEqual(world.log, []);
  assert.ok(most < 128 * 2 ** 20);
});
