import assert from 'node:assert/strict';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {once} from 'node:events';
import {request} from 'node:http';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {startLocal} from '../edge-local.mjs';
import {inRoot} from '../paths.mjs';
import {must, run} from '../process.mjs';
import {holdAnswer} from './openapi.mjs';

export const token = 'the token of the tests';

/** How long something may take before it is taken for what does not come. A large image takes its time when all is tested. */
const patience = (process.env.QCOWSCOPE_FULL === undefined ? 5 : 20) * 60_000;

/** How long one answer may take. */
const answerPatience = 120_000;

/** How often is asked whether it has come: each question starts the program anew. */
const pause = 500;

/** After how long the clock strikes again. It does so in earnest, too: a message may never come. */
const strikeEvery = 60_000;

/** The clock that sends again what was lost. */
const resumeCron = '*/5 * * * *';

/** A folder in memory, where there is one: the local bucket syncs every object. */
const memoryFolder = '/dev/shm';

/** How the tests that take long are asked for. */
export const full = process.env.QCOWSCOPE_FULL !== undefined;

/** What stands before the worker's own script. */
const entry = {name: 'entry.worker.mjs', contents: readFileSync(inRoot('scripts/edge/entry.worker.js'), 'utf8')};

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} type
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Buffer} body
 * @property {any} json the body, if it is JSON
 */

/**
 * A worker with an empty bucket, ended and swept away after the test.
 * @param {import('node:test').TestContext} t
 * @param {Partial<Parameters<typeof startLocal>[0]>} [options]
 */
export async function openWorld(t, options = {}) {
  const folder = options.folder ?? temporary(t);
  /** @type {string[]} */
  const log = [];
  const edge = await startLocal({folder, token, requests: 1_000_000, vars: {LEASE: '2s', RETRY: '1s'}, entry, log: (line) => log.push(line), ...options});
  t.after(() => edge.close());
  const put = (/** @type {string} */ key, /** @type {Uint8Array} */ bytes) => edge.put(key, bytes, bytes.length);
  return {...edge, put, folder, log, ...client(edge.url, {said: () => log.slice(-40).join('\n'), strike: () => edge.tick(resumeCron)})};
}

/** @typedef {Awaited<ReturnType<typeof openWorld>>} World */

/**
 * A folder that is removed after the test.
 * @param {import('node:test').TestContext} t
 */
export function temporary(t) {
  const folder = mkdtempSync(path.join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'qcowscope-edge-'));
  t.after(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

/**
 * What else is there while something is waited for.
 * @typedef {object} Surroundings
 * @property {() => string} said what the worker has said lately
 * @property {() => Promise<void>} strike lets the clock strike
 */

/** @typedef {{body?: unknown, raw?: string | Uint8Array, bearer?: string | null, headers?: Record<string, string>}} Asked */

/**
 * What asks a worker. Every answer of the API is held against the document.
 * @param {string} url
 * @param {Surroundings} [around] none, if the worker runs by itself
 */
export function client(url, around = {said: () => '', strike: () => Promise.resolve()}) {
  /**
   * @param {string} method
   * @param {string} where with its query
   * @param {Asked} [more]
   * @returns {Promise<Answer>}
   */
  const ask = async (method, where, more = {}) => {
    const bearer = more.bearer === undefined ? token : more.bearer;
    const headers = {...(bearer === null ? {} : {authorization: `Bearer ${bearer}`}), ...more.headers};
    const sent = more.raw ?? (more.body === undefined ? undefined : JSON.stringify(more.body));
    const answer = await exchange(url, method, where, headers, sent);
    const {body, type} = answer;
    if (where.startsWith('/api/') && method !== 'HEAD' && !where.startsWith('/api/test/')) {
      holdAnswer(method, where.split('?')[0] ?? '', answer);
    }
    return {...answer, json: type === 'application/json' && body.length > 0 ? JSON.parse(body.toString('utf8')) : undefined};
  };
  const get = (/** @type {string} */ where, /** @type {Asked} */ more = {}) => ask('GET', where, more);
  const post = (/** @type {string} */ where, /** @type {unknown} */ body) => ask('POST', where, {body});
  return {
    ask,
    get,
    post,
    /**
     * Makes trouble with an image from its next read on.
     * @param {'changes' | 'flickers' | 'fails' | 'hangs'} kind
     * @param {string} key
     * @param {Uint8Array} [bytes] what it becomes
     */
    trouble: (kind, key, bytes) => ask('POST', `/api/test/trouble?kind=${kind}&key=${encodeURIComponent(key)}`, {raw: bytes ?? ''}),
    /** How often each message is sent from now on. @param {number} n */
    copies: (n) => ask('POST', `/api/test/copies?n=${n}`),
    /**
     * What the worker's events took: the most memory of one, the messages of all, the most attempts of one, the bytes
     * that they read.
     * @returns {Promise<{most: number, messages: number, attempts: number, read: number}>}
     */
    watched: async () => (await get('/api/test/seen')).json,
    /**
     * Begins a run.
     * @param {string} prefix
     * @returns {Promise<string>}
     */
    begin: async (prefix) => {
      const {status, json} = await post('/api/fleet', {prefix});
      assert.equal(status, 202);
      return json.fleet;
    },
    /**
     * Waits until a run is finished, and gives it with all its results.
     * @param {string} id
     */
    finished: async (id) => {
      const run = await until('the run ends', around, async () => {
        const {json} = await get(`/api/fleet/${id}?limit=1`);
        return [json.state === 'finished', json];
      });
      return {...run, results: await all(get, `/api/fleet/${id}?limit=100`, 'results')};
    },
    /**
     * Asks again and again until it is as it should be, and gives what was asked for last.
     * @param {string} what
     * @param {() => Promise<[boolean, any]>} ask
     */
    until: (what, ask) => until(what, around, ask),
    /** What is done of a run. @param {string} id */
    results: (id) => all(get, `/api/fleet/${id}?limit=1000`, 'results'),
    /** All images under a prefix. @param {string} prefix */
    images: (prefix) => all(get, `/api/images?prefix=${encodeURIComponent(prefix)}&limit=77`, 'images'),
  };
}

/**
 * Asks again and again, but not forever.
 * @param {string} what is waited for
 * @param {Surroundings} around
 * @param {() => Promise<[boolean, any]>} ask whether it is so, and what else is known
 */
async function until(what, around, ask) {
  const end = Date.now() + patience;
  for (let strike = Date.now() + strikeEvery; ; ) {
    const [so, known] = await ask();
    if (so) {
      return known;
    }
    assert.ok(Date.now() < end, `waited in vain until ${what}: ${JSON.stringify(known)}\n${around.said()}`);
    if (Date.now() > strike) {
      await around.strike();
      strike = Date.now() + strikeEvery;
    }
    await sleep(pause);
  }
}

/**
 * One request on a connection of its own, with the address as it is given: hostile ones are not put in order first.
 * @param {string} url
 * @param {string} method
 * @param {string} where
 * @param {Record<string, string>} headers
 * @param {string | Uint8Array} [sent]
 */
async function exchange(url, method, where, headers, sent) {
  const {hostname, port} = new URL(url);
  const bytes = sent === undefined ? undefined : Buffer.from(/** @type {string} */ (sent));
  const length = bytes === undefined ? {} : {'content-length': String(bytes.length)};
  const signal = AbortSignal.timeout(answerPatience);
  const asking = request({hostname, port, method, path: where, headers: {...headers, ...length}, agent: false, signal});
  asking.end(bytes);
  const [response] = /** @type {[import('node:http').IncomingMessage]} */ (await once(asking, 'response'));
  const body = Buffer.concat(await response.toArray());
  const type = response.headers['content-type']?.split(';')[0] ?? '';
  return {status: response.statusCode ?? 0, type, headers: response.headers, body};
}

/**
 * All pages of a listing.
 * @param {(where: string) => Promise<Answer>} get
 * @param {string} where
 * @param {string} field
 * @returns {Promise<any[]>}
 */
async function all(get, where, field) {
  const found = [];
  let cursor = '';
  do {
    const {status, json} = await get(cursor === '' ? where : `${where}&cursor=${encodeURIComponent(cursor)}`);
    assert.equal(status, 200);
    found.push(...json[field]);
    cursor = json.cursor ?? '';
  } while (cursor !== '');
  return found;
}

/**
 * A result without what only the service says, and with the name as the file has it. A file that is no image shows its
 * first bytes on the command line only.
 * @param {any} result
 * @param {string} [prefix] before the file's name in the bucket
 */
export function plain(result, prefix = '') {
  const rest = {...result};
  for (const own of ['etag', 'uploaded', 'checked', 'build', 'schema']) {
    delete rest[own];
  }
  if (rest['exit-code'] === 63) {
    rest.problem = {...rest.problem, where: undefined};
  }
  const quoted = (/** @type {string} */ text) => JSON.stringify(text).slice(1, -1);
  const name = rest.filename.slice(prefix.length);
  return JSON.parse(JSON.stringify(rest).replaceAll(quoted(rest.filename), quoted(name)));
}

/**
 * The command line's word on all images below a folder, by their names in it.
 * @param {string} program
 * @param {string} folder
 * @returns {Promise<Map<string, any>>}
 */
export async function commandLine(program, folder) {
  const {stdout, output} = await run(program, ['check', '--recursive', folder, '--output=json']);
  assert.ok(stdout.startsWith('{'), output);
  const {images} = JSON.parse(stdout.replaceAll(`${folder}${path.sep}`, ''));
  return new Map(images.map((/** @type {any} */ image) => [image.filename, image]));
}

/**
 * Builds a Go program of the repository.
 * @param {string} folder to put it into
 * @param {string} name of its package
 */
export async function goProgram(folder, name) {
  const program = path.join(folder, path.basename(name));
  await must(`Building ${name}`, 'go', ['build', '-o', program, name]);
  return program;
}
