import {subscribe} from 'node:diagnostics_channel';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {Log, LogLevel, Miniflare} from 'miniflare';
import {unstable_getMiniflareWorkerOptions as readOptions} from 'wrangler';
import {edgeConfig, edgeDir} from './edge-build.mjs';

/** How the Worker and its bucket are called in its configuration. */
const bucketName = 'IMAGES';

/**
 * workerd talks to a server in this process, which closes connections that were idle for five seconds. When that meets
 * the next request, the simulated queue takes it for the end of the world and delivers nothing any more. So such
 * connections stay open.
 * @param {unknown} message
 */
const keepOpen = (message) => {
  /** @type {{server: import('node:http').Server}} */ (message).server.keepAliveTimeout = 0;
};

/** What stands before the worker's own script. @typedef {{name: string, contents: string}} Entry */

/**
 * @typedef {object} LocalEdge
 * @property {string} url with a slash at its end
 * @property {import('miniflare').Miniflare} host
 * @property {() => Promise<Bucket>} bucket
 * @property {(key: string, bytes: Uint8Array | import('node:stream/web').ReadableStream, size: number) => Promise<string>} put puts an object into the bucket; gives its etag
 * @property {(cron: string) => Promise<void>} tick lets the clock strike
 * @property {() => Promise<void>} close
 */

/**
 * Objects come into the bucket through a worker beside ours, as a stream: what calls the bucket from outside turns all
 * bytes into text first.
 */
const door = {
  name: 'door',
  modules: true,
  compatibilityDate: '2026-04-01',
  script: `
    export default {
      async fetch(request, env) {
        const {etag} = await env.${bucketName}.put(new URL(request.url).searchParams.get('key'), request.body);
        return new Response(etag);
      },
    };`,
};

/** @typedef {{scheduled: (event: {cron: string, scheduledTime: Date}) => Promise<unknown>}} Worker */

/** @typedef {{fetch: (url: string, init: object) => Promise<{status: number, text: () => Promise<string>}>}} Door */

/**
 * The methods of a bucket that are used here.
 * @typedef {object} Bucket
 * @property {(key: string, body: ArrayBuffer) => Promise<{etag: string}>} put small ones only: it is slow
 * @property {(key: string) => Promise<{key: string, size: number, etag: string, customMetadata?: Record<string, string>} | null>} head
 * @property {(key: string) => Promise<{text: () => Promise<string>} | null>} get
 * @property {(keys: string | string[]) => Promise<void>} delete
 * @property {(options: {prefix: string, cursor?: string}) => Promise<{objects: {key: string, size: number}[], truncated: boolean, cursor?: string}>} list
 */

/**
 * Runs the Worker in workerd on this computer, as its configuration says, with the bucket, the queue, the limiter and
 * the page. The bucket lies in a folder; what is queued is in memory and gone when this ends.
 * @param {object} options
 * @param {string} options.folder
 * @param {string} [options.token] none: the API is off
 * @param {number} [options.port]
 * @param {Record<string, string>} [options.vars] instead of those in the configuration
 * @param {number} [options.requests] of one address in a minute, instead of the configuration's
 * @param {Entry} [options.entry]
 * @param {(line: string) => void} [options.log] takes the worker's own lines
 * @returns {Promise<LocalEdge>}
 */
export async function startLocal(options) {
  const {workerOptions} = readOptions(edgeConfig);
  const limiter = workerOptions.ratelimits?.['LIMITER'];
  if (limiter !== undefined && options.requests !== undefined) {
    limiter.simple.limit = options.requests;
  }
  subscribe('http.server.request.start', keepOpen);
  const token = options.token === undefined ? {} : {TOKEN: options.token};
  const main = {...workerOptions, name: 'qcowscope', ...modules(options.entry), bindings: {...workerOptions.bindings, ...options.vars, ...token}};
  const host = new Miniflare({
    workers: [main, {...door, r2Buckets: workerOptions.r2Buckets}],
    defaultPersistRoot: options.folder,
    host: '127.0.0.1',
    port: options.port ?? 0,
    // The description of a request's origin would be fetched from the network.
    cf: false,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio: (/** @type {import('node:stream').Readable} */ out, /** @type {import('node:stream').Readable} */ err) => {
      lines(out, options.log);
      lines(err, options.log);
    },
  });
  const url = await host.ready;
  let open = true;
  return {
    url: url.href,
    host,
    bucket: async () => /** @type {Bucket} */ (/** @type {unknown} */ (await host.getR2Bucket(bucketName))),
    put: async (key, bytes, size) => {
      const worker = /** @type {Door} */ (/** @type {unknown} */ (await host.getWorker(door.name)));
      const answer = await worker.fetch(`http://door/?key=${encodeURIComponent(key)}`, {
        method: 'PUT',
        body: bytes,
        duplex: 'half',
        headers: {'content-length': String(size)},
      });
      const text = await answer.text();
      if (answer.status !== 200) {
        throw new Error(`${key} could not be put into the bucket: ${text}`);
      }
      return text;
    },
    tick: async (cron) => {
      const worker = /** @type {Worker} */ (/** @type {unknown} */ (await host.getWorker()));
      await worker.scheduled({cron, scheduledTime: new Date()});
    },
    close: async () => {
      const ending = open;
      open = false;
      await (ending ? host.dispose() : undefined);
    },
  };
}

/** @param {Entry} [entry] */
function modules(entry) {
  const folder = path.join(edgeDir, 'worker');
  const script = (/** @type {string} */ name) => ({type: /** @type {const} */ ('ESModule'), path: path.join(folder, name)});
  const first = entry === undefined ? [] : [{...script(entry.name), contents: entry.contents}];
  return {
    modulesRoot: folder,
    modules: [
      ...first,
      script('entry.mjs'),
      script('worker.mjs'),
      script('wasm_exec.js'),
      script('runtime.mjs'),
      {type: /** @type {const} */ ('CompiledWasm'), path: path.join(folder, 'app.wasm'), contents: readFileSync(path.join(folder, 'app.wasm'))},
    ],
  };
}

/**
 * @param {import('node:stream').Readable} stream
 * @param {((line: string) => void) | undefined} take
 */
function lines(stream, take) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    const all = (rest + text).split('\n');
    rest = all.pop() ?? '';
    for (const line of all) {
      take?.(line);
    }
  });
}
