import assert from 'node:assert/strict';
import {statSync} from 'node:fs';
import path from 'node:path';
import {before, test} from 'node:test';
import {buildEdge} from '../edge-build.mjs';
import {must} from '../process.mjs';
import {SparseImage, placeInBucket} from './sparse.mjs';
import {commandLine, full, goProgram, openWorld, plain, temporary} from './world.mjs';

before(() => buildEdge(() => {}));

/** What a Worker may take. */
const memory = 128 * 2 ** 20;

/**
 * The ways in which the image is tried: with a wrong refcount, which is seen where the parts are put together; as QEMU
 * made it; with two places of the disk in one cluster, which is why the parts do not add up.
 * @type {{name: string, exit: number, damage: (image: SparseImage) => void}[]}
 */
const ways = [
  {name: 'with a wrong refcount', exit: 2, damage: (image) => image.set((image.reftable[100] ?? 0) + 2 * 7, 2, 0n)},
  {name: 'whole', exit: 0, damage: () => {}},
  {
    name: 'with a cross-link',
    exit: 2,
    damage: (image) => image.set((image.l1[1500] ?? 0) + 8 * 9, 8, image.number((image.l1[3] ?? 0) + 8 * 8, 8)),
  },
];

for (const {name, exit, damage} of full ? ways : ways.slice(0, 1)) {
  test(`a fully allocated image of 1 TiB, ${name}, in parts`, async (t) => {
    const images = temporary(t);
    const file = path.join(images, 'large.qcow2');
    await must('Making an image of 1 TiB', 'qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', file, '1T']);
    const image = new SparseImage(file, statSync(file).size);
    t.after(() => image.close());
    assert.ok(image.size > 2 ** 40);
    damage(image);
    const want = plain((await commandLine(await goProgram(temporary(t), './cmd/qcowscope'), images)).get('large.qcow2'));
    assert.equal(want['exit-code'], exit);
    assert.equal(want.check['allocated-clusters'], 2 ** 24);

    const folder = temporary(t);
    await placeInBucket(t, folder, 'vm/large.qcow2', image);
    const world = await openWorld(t, {folder});
    const start = performance.now();
    const {status, json} = await world.post('/api/check', {key: 'vm/large.qcow2'});
    assert.equal(status, 202, 'it is left to the queue');
    const run = await world.finished(json.fleet);
    const seconds = (performance.now() - start) / 1000;
    const {most, messages, read} = await world.watched();
    const mib = (/** @type {number} */ bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    t.diagnostic(`${name}: ${seconds.toFixed(1)} s, ${messages} messages, ${mib(read)} read, at most ${mib(most)} of memory in an event`);

    assert.equal(run.counts.done, 1);
    const found = await world.get('/api/images/vm%2Flarge.qcow2/findings');
    assert.deepEqual(plain(found.json, 'vm/'), want);
    assert.ok(messages > 60, `shared out to only ${messages} messages`);
    assert.ok(most < memory, `${most} bytes of memory`);
    assert.ok(read < 2 ** 30, `${read} bytes read`);
    assert.deepEqual((await (await world.bucket()).list({prefix: '.qcowscope/parts/'})).objects, [], 'nothing is left of the parts');
    assert.deepEqual(world.log, []);
  });
}
