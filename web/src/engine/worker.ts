/**
 * The worker in which the Go core runs.
 *
 *   page --Comlink--> worker --qcowscope.call--> Go
 *                       ^------ io.start ---------'   "read these ranges"
 *        File.slice --> memory, qcowscopeDone -> Go
 */
import * as Comlink from 'comlink';
import {failure, ok} from '../base/result';
import type {Result} from '../base/result';
import {partsOf} from '../model/segments';
import type {Op, Reply, Request} from '../protocol/ops';
import type {Problem, Progress} from '../protocol/protocol.gen';
import type {EngineApi, EngineEvents} from './api';
import {blobOf} from './blob';
import {FileHost} from './host';
import {notHere, notStarted, problemOf} from './problems';
import {readRanges} from './reader';
import type {ReadRanges} from './reader';
import {isRemote, readRemote} from './remote';
import type {ImageFile} from './remote';
import './wasm_exec.js';

/** What Go puts into the worker's global object, and what it finds there. */
interface Globals {
  qcowscope?: {call(op: string, request: unknown): Promise<unknown>; cancel(): void};
  qcowscopeDone?: (id: number, code: number) => void;
  qcowscopeHost?: {size: number; progress(progress: Progress): void};
  fs?: {writeSync(fd: number, bytes: Uint8Array): number};
}

const globals = globalThis as Globals;
const MOST_LAST_WORDS = 4096;

let file: ImageFile | null = null;
/** By number: 0 is the image, the others are files beside it. */
const hosts = new Map<number, FileHost>();
let instance: WebAssembly.Instance | null = null;
let lastWords = '';

async function start(wasmUrl: string, events: EngineEvents): Promise<Result<true, Problem>> {
  listenToLastWords();
  const go = new Go();
  let exitCode = 0;
  go.exit = (code) => {
    exitCode = code;
  };
  go.importObject['io'] = {
    start: (number: number, id: number, pointer: number, count: number) => hosts.get(number)?.start(id, pointer, count),
  };
  globals.qcowscopeHost = {size: 0, progress: throttled((progress) => events.progress(progress))};
  try {
    instance = await instantiate(wasmUrl, go.importObject);
  } catch (error) {
    return failure(notStarted(String(error)));
  }
  // Running out of memory ends Go without an exception: its promise is fulfilled then.
  void go.run(instance).finally(() => events.ended(exitCode, lastWords));
  return globals.qcowscope === undefined ? failure(notStarted(lastWords)) : ok(true);
}

async function instantiate(url: string, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  try {
    return (await WebAssembly.instantiateStreaming(fetch(url), imports)).instance;
  } catch (error) {
    // Some servers send the module with another type, which streaming refuses.
    if (!(error instanceof TypeError)) {
      throw error;
    }
    const reply = await fetch(url);
    if (!reply.ok) {
      throw new Error(`${url}: ${reply.status} ${reply.statusText}`, {cause: error});
    }
    return (await WebAssembly.instantiate(await reply.arrayBuffer(), imports)).instance;
  }
}

/** Go writes the reason of its end, such as "out of memory", where a terminal would be. */
function listenToLastWords(): void {
  const decoder = new TextDecoder();
  if (globals.fs !== undefined) {
    globals.fs.writeSync = (_, bytes) => {
      lastWords = (lastWords + decoder.decode(bytes)).slice(-MOST_LAST_WORDS);
      return bytes.length;
    };
  }
}

/** At most ten reports a second, and each change of the phase. */
function throttled(report: (progress: Progress) => void): (progress: Progress) => void {
  let phase = '';
  let next = 0;
  return (progress) => {
    const now = performance.now();
    if (progress.phase !== phase || now >= next) {
      phase = progress.phase;
      next = now + 100;
      report(progress);
    }
  };
}

function memory(): ArrayBuffer {
  const exported = instance?.exports['mem'];
  if (!(exported instanceof WebAssembly.Memory)) {
    throw new Error('the core exports no memory');
  }
  return exported.buffer;
}

function attach(next: ImageFile): void {
  file = next;
  hosts.clear();
  attachBeside(0, next);
  if (globals.qcowscopeHost !== undefined) {
    globals.qcowscopeHost.size = next.size;
  }
}

function attachBeside(number: number, next: ImageFile): void {
  const done = (id: number, code: number) => globals.qcowscopeDone?.(id, code);
  const read: ReadRanges = (ranges) => (isRemote(next) ? readRemote(next, ranges) : readRanges(next, ranges));
  hosts.set(number, new FileHost(next.size, read, memory, done));
}

async function call<K extends Op>(op: K, request: Request<K>): Promise<Result<Reply<K>, Problem>> {
  if (globals.qcowscope === undefined) {
    return failure(notStarted('call before start'));
  }
  try {
    const reply = (await globals.qcowscope.call(op, request)) as Reply<K>;
    return Comlink.transfer(ok(reply), buffersOf(reply));
  } catch (error) {
    return failure(problemOf(error));
  }
}

/** Arrays are handed over to the page, not copied. */
function buffersOf(reply: unknown): ArrayBuffer[] {
  const values: unknown[] = ArrayBuffer.isView(reply) ? [reply] : Object.values(reply as object);
  return values.filter((value) => ArrayBuffer.isView(value)).map((view) => view.buffer as ArrayBuffer);
}

async function repaired(): Promise<Result<Blob, Problem>> {
  if (file === null || isRemote(file)) {
    return failure(file === null ? notStarted('no file') : notHere(file.name));
  }
  const segments = await call('segments', undefined);
  if (!segments.ok) {
    return segments;
  }
  try {
    return ok(blobOf(partsOf(segments.value, file.size), file, segments.value.patch));
  } catch (error) {
    return failure(problemOf(error));
  }
}

const api: {[Name in keyof EngineApi]: unknown} = {start, attach, attachBeside, call, cancel: () => globals.qcowscope?.cancel(), repaired};
Comlink.expose(api);
