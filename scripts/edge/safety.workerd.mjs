import assert from 'node:assert/strict';
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {buildEdge, compressedSize, edgeDir, mostCompressed} from '../edge-build.mjs';
import {securityHeaders} from '../headers.mjs';
import {must, run} from '../process.mjs';
import {answered, documented} from './openapi.mjs';
import {goProgram, openWorld, temporary, token} from './world.mjs';

before(() => buildEdge(() => {}));

const damaged = readFileSync('web/public/samples/lost_refcounts.qcow2');

test('the program is within the platform’s limit', (t) => {
  t.diagnostic(`${compressedSize()} bytes compressed, of ${mostCompressed}`);
  assert.ok(compressedSize() <= mostCompressed);
});

test('the page is served with its headers, and starts no program', async (t) => {
  const world = await openWorld(t);
  const script = readdirSync(path.join(edgeDir, 'assets', 'assets')).find((name) => name.endsWith('.js'));
  for (const [where, type, cache] of [
    ['/', 'text/html', /must-revalidate/],
    ['/engine/engine.wasm', 'application/wasm', /must-revalidate/],
    [`/assets/${script}`, 'text/javascript', /immutable/],
  ]) {
    const answer = await world.get(String(where), {bearer: null});
    assert.equal(answer.status, 200, String(where));
    assert.equal(answer.type, type);
    assert.match(String(answer.headers['cache-control']), /** @type {RegExp} */ (cache));
    for (const [name, value] of Object.entries(securityHeaders)) {
      assert.equal(answer.headers[name], value, `${where}: ${name}`);
    }
  }
  for (const where of ['/nothing', '/_headers', '/.qcowscope/', '/../package.json', '/api']) {
    assert.equal((await world.get(where, {bearer: null})).status, 404, where);
  }
  assert.equal((await world.watched()).most, 0, 'no program was started');
});

/** Every address of the API. */
const addresses = /** @type {[string, string][]} */ ([
  ['GET', '/api/openapi.json'],
  ['GET', '/api/check.schema.json'],
  ['POST', '/api/check'],
  ['GET', '/api/images'],
  ['GET', '/api/images/x/findings'],
  ['GET', '/api/images/x/patch'],
  ['GET', '/api/images/x/content'],
  ['POST', '/api/fleet'],
  ['GET', '/api/fleets'],
  ['GET', '/api/fleet/x'],
  ['GET', '/api/elsewhere'],
]);

test('without a token, or with one that is too short, the API is off', async (t) => {
  for (const short of ['', 'short']) {
    const world = await openWorld(t, {token: short});
    for (const [method, where] of addresses) {
      for (const bearer of [token, short, 'undefined', null]) {
        assert.equal((await world.ask(method, where, {bearer})).status, 503, `${where} with ${bearer}`);
      }
    }
    assert.deepEqual((await world.get('/api/health')).json, {api: false});
    await world.close();
  }
});

test('only who has the token gets an answer', async (t) => {
  const world = await openWorld(t);
  await world.put('vm/a.qcow2', damaged);
  for (const [method, where] of addresses) {
    for (const bearer of [null, '', 'wrong', token.slice(1), `${token}x`, token.toUpperCase()]) {
      const {status, headers, json} = await world.ask(method, where, {bearer});
      assert.equal(status, 401, `${where} with ${bearer}`);
      assert.equal(headers['www-authenticate'], 'Bearer');
      assert.deepEqual(Object.keys(json), ['problem', 'schema']);
    }
    assert.equal((await world.ask(method, where, {bearer: null, headers: {authorization: token}})).status, 401);
    assert.equal((await world.ask(method, `${where}?token=${encodeURIComponent(token)}`, {bearer: null})).status, 401);
  }
  assert.deepEqual((await world.get('/api/health', {bearer: null})).json, {api: true});
  assert.equal((await world.get('/api/images')).headers['cache-control'], 'no-store');
});

test('who asks too often is put off', async (t) => {
  const world = await openWorld(t, {requests: 5});
  const statuses = [];
  for (let i = 0; i < 8; i++) {
    statuses.push((await world.get('/api/images')).status);
  }
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
});

test('keys lead nowhere else', async (t) => {
  const world = await openWorld(t);
  await world.put('vm/a.qcow2', damaged);
  await world.post('/api/check', {key: 'vm/a.qcow2'});
  const hostile = ['', '..', '../a', 'vm/../vm/a.qcow2', 'vm/./a.qcow2', './a', '.qcowscope/latest/vm/a.qcow2', 'a\nb', 'a\0b', 'a\u0085b', '\u007f', 'x'.repeat(1007)];
  for (const key of hostile) {
    assert.equal((await world.post('/api/check', {key})).status, 400, JSON.stringify(key));
    for (const what of ['findings', 'patch', 'content']) {
      const {status} = await world.get(`/api/images/${encodeURIComponent(key).replaceAll('.', '%2E')}/${what}`, {headers: {'sec-fetch-site': 'same-origin', range: 'bytes=0-0'}});
      assert.ok(status === 400 || status === 404, `${JSON.stringify(key)} ${what}: ${status}`);
    }
    const prefix = await world.post('/api/fleet', {prefix: key});
    const allowed = key === '' || key.startsWith('.qcowscope') || key.length === 1007;
    assert.equal(prefix.status, allowed ? 202 : 400, JSON.stringify(key));
  }
  for (const where of ['/api/images/vm/a.qcow2/findings', '/api/images/vm/../a/findings', '/api/images//findings', '/api/images/%ff/findings', '/api/images/%zz/findings']) {
    const {status} = await world.get(where);
    assert.ok(status === 400 || status === 404, `${where}: ${status}`);
  }
  const own = await world.finished(await world.begin('.qcowscope/'));
  assert.equal(own.counts.images, 0, 'what is ours is no image');
  assert.ok((await world.images('')).every((image) => !image.key.startsWith('.qcowscope/')));
  assert.deepEqual(await world.images('.qcowscope/'), []);
});

test('requests are bounded and must be what is described', async (t) => {
  const world = await openWorld(t);
  const bodies = /** @type {[string, number][]} */ ([
    ['', 400], ['{', 400], ['[]', 400], ['"x"', 400], ['{"key":1}', 400], ['{"key":"a","other":1}', 400], ['{"key":"a"} {}', 400],
    [`{"key":"${'a'.repeat(70_000)}"}`, 413], [' '.repeat(300_000), 413],
  ]);
  for (const where of ['/api/check', '/api/fleet']) {
    for (const [raw, status] of bodies) {
      assert.equal((await world.ask('POST', where, {raw})).status, status, `${where} ${raw.slice(0, 30)}`);
    }
  }
  assert.equal((await world.post('/api/check', {key: 'none'})).status, 404);
  assert.equal((await world.post('/api/fleet', {})).status, 400);
  for (const [method, where] of addresses) {
    assert.equal((await world.ask(method, `${where}?${'a'.repeat(17_000)}`)).status, 414, where);
  }
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'cursor=%00', 'prefix=..']) {
    assert.equal((await world.get(`/api/images?${query}`)).status, 400, query);
  }
  assert.equal((await world.get('/api/fleets?cursor=../x')).status, 400);
  assert.equal((await world.get('/api/fleet/00000000000000000000')).status, 404);
  assert.equal((await world.get('/api/fleet/00000000000000000000?only=some')).status, 400);
  const {status, headers} = await world.ask('DELETE', '/api/images');
  assert.deepEqual([status, headers['allow']], [405, 'GET']);
});

test('the documents are served as they lie in docs', async (t) => {
  const world = await openWorld(t);
  for (const name of ['openapi.json', 'check.schema.json']) {
    const {status, body} = await world.get(`/api/${name}`);
    assert.equal(status, 200);
    assert.ok(body.equals(readFileSync(`docs/${name}`)));
  }
  assert.deepEqual((await world.get('/api/fleets')).json, {fleets: [], schema: 1});
});

test('a patch is the command line’s, applied nowhere', async (t) => {
  const world = await openWorld(t);
  const etag = await world.put('vm/a b.qcow2', damaged);
  const folder = temporary(t);
  writeFileSync(path.join(folder, 'image'), Buffer.from(damaged));
  const where = '/api/images/vm%2Fa%20b.qcow2/patch';

  const plan = await world.get(where);
  assert.equal(plan.headers['etag'], `"${etag}"`);
  assert.equal(plan.headers['content-disposition'], "attachment; filename*=UTF-8''a%20b.qcow2.plan.json");
  writeFileSync(path.join(folder, 'plan'), plan.body);
  await must('Applying the plan', await goProgram(folder, './cmd/qcowscope'), ['apply', path.join(folder, 'image'), path.join(folder, 'plan'), '-o', path.join(folder, 'a')]);
  const delta = await world.get(`${where}?format=vcdiff`);
  writeFileSync(path.join(folder, 'delta'), delta.body);
  await must('Applying the delta', 'xdelta3', ['-d', '-s', path.join(folder, 'image'), path.join(folder, 'delta'), path.join(folder, 'b')]);
  assert.ok(readFileSync(path.join(folder, 'a')).equals(readFileSync(path.join(folder, 'b'))));
  assert.equal((await run('qemu-img', ['check', '-f', 'qcow2', path.join(folder, 'a')])).code, 0);
  assert.notEqual((await run('qemu-img', ['check', '-f', 'qcow2', path.join(folder, 'image')])).code, 0);

  assert.equal((await (await world.bucket()).head('vm/a b.qcow2'))?.etag, etag, 'the image is what it was');
  assert.equal((await world.get(where, {headers: {'if-match': '"other"'}})).status, 412);
  assert.equal((await world.get(`${where}?scope=everything`)).status, 400);
  assert.equal((await world.get(`${where}?accept=cross-link`)).status, 400);
  await world.put('vm/none.qcow2', Buffer.from('this is no image'));
  assert.equal((await world.get('/api/images/vm%2Fnone.qcow2/patch')).status, 422);
});

test('what the disk holds is in no answer and no log; the page alone reads ranges', async (t) => {
  const world = await openWorld(t);
  const folder = temporary(t);
  const image = path.join(folder, 'image');
  await must('Making an image', 'qemu-img', ['create', '-q', '-f', 'qcow2', image, '64M']);
  await must('Writing to it', 'qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x53 1M 2M', image]);
  const healthy = readFileSync(image);
  for (const [name, at, bytes] of /** @type {[string, number, number][]} */ ([
    ['healthy', 0, 0],
    ['no refcounts', Number(healthy.readBigUInt64BE(Number(healthy.readBigUInt64BE(48)))), 65536],
    ['unknown version', 4, 4],
    ['no L1 table', Number(healthy.readBigUInt64BE(40)), 8],
    ['cut off', 0, 0],
    ['fails', 0, 0],
  ])) {
    const copy = Buffer.from(healthy).fill(0x7f * Number(at === 4), at, at + bytes);
    await world.put(`vm/${name}.qcow2`, name === 'cut off' ? copy.subarray(0, 700_000) : copy);
  }
  await world.put('vm/raw.qcow2', Buffer.alloc(180_000, 'S'));
  await world.trouble('fails', 'vm/fails.qcow2');
  /** @type {string[]} */
  const said = [];
  const run = await world.finished(await world.begin('vm/'));
  assert.equal(run.counts.done, 7);
  said.push(JSON.stringify(run));
  for (const {key} of await world.images('')) {
    for (const what of ['findings', 'patch', 'patch?scope=rebuild&format=vcdiff', 'content']) {
      said.push((await world.get(`/api/images/${encodeURIComponent(key)}/${what}`)).body.toString('latin1'));
    }
  }
  const objects = (await (await world.bucket()).list({prefix: '.qcowscope/'})).objects;
  assert.ok(objects.length > 7);
  for (const {key} of objects) {
    said.push((await (await (await world.bucket()).get(key))?.text()) ?? '');
  }
  said.push(...world.log);
  assert.ok(said.length > 5 * 7 && world.log.length > 0);
  for (const text of said) {
    for (const bytes of ['SSSS', 'U1NTU1NT', '53535353', '53 53 53']) {
      assert.ok(!text.includes(bytes), `${bytes} in ${text.slice(0, 500)}`);
    }
  }

  const where = '/api/images/vm%2Fraw.qcow2/content';
  assert.equal((await world.get(where, {headers: {range: 'bytes=0-9'}})).status, 403);
  assert.equal((await world.get(where, {headers: {range: 'bytes=0-9', 'sec-fetch-site': 'cross-site'}})).status, 403);
  const page = {'sec-fetch-site': 'same-origin'};
  const range = await world.get(where, {headers: {...page, range: 'bytes=6-17'}});
  assert.deepEqual([range.status, range.body.toString(), range.headers['content-range']], [206, 'SSSSSSSSSSSS', 'bytes 6-17/180000']);
  for (const wrong of ['', 'bytes=0-', 'bytes=-5', 'bytes=180000-180001', 'bytes=5-4', 'items=0-1']) {
    assert.equal((await world.get(where, {headers: {...page, range: wrong}})).status, 416, wrong);
  }
  await world.put('vm/long.raw', Buffer.alloc(5 << 20));
  const long = '/api/images/vm%2Flong.raw/content';
  assert.equal((await world.get(long, {headers: {...page, range: 'bytes=0-4194304'}})).status, 416, 'more than 4 MiB');
  assert.equal((await world.get(long, {headers: {...page, range: 'bytes=0-4194303'}})).body.length, 4 << 20);
  const head = await world.ask('HEAD', where, {headers: page});
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '180000', 0]);
  assert.equal((await world.get(where, {headers: {...page, range: 'bytes=0-1', 'if-match': '"x"'}})).status, 412);
});

/** What no test here brings about: what the other files' tests do, and failures of the service itself. */
const notHere = / (409|429|500)$|POST \/api\/check 202/;

after(() => {
  const missing = documented().filter((one) => !answered.has(one) && !notHere.test(one));
  assert.deepEqual(missing, [], 'the document has answers that never come');
});
