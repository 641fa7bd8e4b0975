/* global Response, URL, WebAssembly */
// Stands before the worker's own script in the tests. It looks at the memory of each program that was started: that
// never shrinks, so what it is at the end of an event is the most that it was. It counts what is read and delivered, and
// makes the bucket and the queue as troublesome as they can be.
import worker from './entry.mjs';

const seen = {most: 0, messages: 0, read: 0, attempts: 0};

/** The programs that events under way have started. */
let started = [];

WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...args) {
    super(...args);
    started.push(this);
  }
};

/** What happens when an object is read, by its key: (bucket, how many reads there were) before it. */
const troubles = new Map();

/** How often each message is sent. */
let copies = 1;

const kinds = {
  // The object is another one from its second read on.
  changes: (body) => async (bucket, key, reads) => {
    if (reads === 1) {
      await bucket.put(key, body);
    }
  },
  // It is another one at each read.
  flickers: (body) => async (bucket, key, reads) => {
    await bucket.put(key, new Uint8Array([...new Uint8Array(body), reads & 255, reads >> 8]));
  },
  fails: () => async () => {
    throw new Error('get: We encountered an internal error. Please try again. (10001)');
  },
  // The host does not come back: it is ended as one that takes too much.
  hangs: () => () => new Promise(() => {}),
};

function troublesome(bucket) {
  const read = async (key, options) => {
    seen.read += options?.range?.length ?? 0;
    const trouble = troubles.get(key);
    if (trouble !== undefined) {
      await trouble.make(bucket, key, trouble.reads++);
    }
    return bucket.get(key, options);
  };
  return new Proxy(bucket, {get: (target, name) => (name === 'get' ? read : (...args) => target[name](...args))});
}

function repeating(queue) {
  return {
    sendBatch: async (messages, options) => {
      for (let i = 0; i < copies; i++) {
        await queue.sendBatch(messages, options);
      }
    },
  };
}

const inside = (handle) => async (event, env, ctx) => {
  seen.messages += event.messages?.length ?? 0;
  for (const message of event.messages ?? []) {
    seen.attempts = Math.max(seen.attempts, message.attempts);
  }
  try {
    return await handle(event, {...env, IMAGES: troublesome(env.IMAGES), CHECKS: repeating(env.CHECKS)}, ctx);
  } finally {
    seen.most = Math.max(seen.most, started.reduce((sum, instance) => sum + instance.exports.mem.buffer.byteLength, 0));
    started = [];
  }
};

const own = {
  '/api/test/seen': () => Response.json(seen),
  '/api/test/trouble': async (request) => {
    const {searchParams} = new URL(request.url);
    troubles.set(searchParams.get('key'), {reads: 0, make: kinds[searchParams.get('kind')](await request.arrayBuffer())});
    return Response.json({});
  },
  '/api/test/copies': (request) => {
    copies = Number(new URL(request.url).searchParams.get('n'));
    return Response.json({});
  },
};

const ask = inside(worker.fetch);

export default {
  fetch: (request, env, ctx) => (own[new URL(request.url).pathname] ?? ask)(request, env, ctx),
  queue: inside(worker.queue),
  scheduled: inside(worker.scheduled),
};
