import {describe, expect, it, vi} from 'vitest';
import {ok} from '../base/result';
import type {EngineApi, EngineEvents} from './api';
import {Engine} from './client';
import type {Port} from './client';

/** A worker that notes what it is asked and answers when the test says so, or at once. */
class FakeWorker {
  asked: string[] = [];
  ended = false;
  events: EngineEvents | null = null;
  holds = new Set<string>();
  replies = new Map<string, object>();
  private held = new Map<string, () => void>();

  port(): Port {
    const answer = <T>(what: string, value: T): Promise<T> => {
      this.asked.push(what);
      return this.holds.has(what)
        ? new Promise((resolve) => this.held.set(what, () => resolve(value)))
        : Promise.resolve(value);
    };
    const api = {
      start: (_: string, events: EngineEvents) => {
        this.events = events;
        return answer('start', ok(true));
      },
      attach: (file: File) => answer(`attach ${file.name}`, undefined),
      attachBeside: (number: number, file: File) => answer(`beside ${number} ${file.name}`, undefined),
      call: (op: string) => answer(op, ok(this.replies.get(op) ?? {})),
      cancel: () => answer('cancel', undefined),
      repaired: () => answer('repaired', ok(new Blob())),
    };
    return {api: api as unknown as EngineApi, end: () => (this.ended = true)};
  }

  release(what: string): void {
    this.held.get(what)?.();
  }
}

function engineWith(workers: FakeWorker[]) {
  let next = 0;
  const engine = new Engine(() => {
    const worker = workers[next++];
    if (worker === undefined) {
      throw new Error('more workers than expected');
    }
    return worker.port();
  }, {first: 'engine.wasm', whole: 'engine.wasm'});
  return engine;
}

const disk = new File(['x'], 'disk.qcow2');
const started = ['start', 'attach disk.qcow2', 'open'];

it('starts the core once and opens the file in it', async () => {
  const worker = new FakeWorker();
  const engine = engineWith([worker]);
  engine.warmUp();
  expect((await engine.open(disk)).ok).toBe(true);
  await engine.call('check', {deep: false});
  expect(worker.asked).toEqual([...started, 'check']);
});

it('opens the next file in the same worker', async () => {
  const worker = new FakeWorker();
  const engine = engineWith([worker]);
  await engine.open(disk);
  await engine.call('check', {deep: false});
  await engine.open(disk);
  expect(worker.asked).toEqual([...started, 'check', 'attach disk.qcow2', 'open']);
});

it('stops what runs for the last file before it opens the next', async () => {
  const [first, second] = [new FakeWorker(), new FakeWorker()];
  first.holds.add('check');
  const engine = engineWith([first, second]);
  await engine.open(disk);
  const check = engine.call('check', {deep: false});
  await vi.waitFor(() => expect(first.asked).toContain('check'));
  await engine.open(disk);
  expect(await check).toMatchObject({ok: false, error: {kind: 'cancelled'}});
  expect(first.ended).toBe(true);
  expect(second.asked).toEqual(started);
});

it('says that the worker script could not be loaded', async () => {
  const engine = new Engine((broken) => {
    queueMicrotask(() => broken('404'));
    return {...new FakeWorker().port(), api: {...new FakeWorker().port().api, start: () => new Promise(() => undefined)}};
  }, {first: 'engine.wasm', whole: 'engine.wasm'});
  const opened = await engine.open(disk);
  expect(opened).toMatchObject({ok: false, error: {kind: 'internal', detail: '404'}});
});

describe('after a crash', () => {
  it('answers the call that was running, with the reason', async () => {
    const worker = new FakeWorker();
    worker.holds.add('check');
    const engine = engineWith([worker]);
    await engine.open(disk);
    const check = engine.call('check', {deep: false});
    await vi.waitFor(() => expect(worker.asked).toContain('check'));
    worker.events?.ended(2, 'fatal error: out of memory');
    expect(await check).toMatchObject({ok: false, error: {kind: 'memory'}});
    expect(worker.ended).toBe(true);
  });

  it('brings a new worker to where the old one was', async () => {
    const [first, second] = [new FakeWorker(), new FakeWorker()];
    const engine = engineWith([first, second]);
    const restarted = vi.fn();
    engine.onRestart = restarted;
    await engine.open(disk);
    await engine.call('check', {deep: false});
    await engine.call('plan', {scope: 'all', accept: [], leave: [], redirect: false});
    await engine.call('apply', undefined);
    first.events?.ended(2, 'panic');
    const clusters = [1, 2].map((cluster) => engine.call('cluster', {cluster}));
    await Promise.all(clusters);
    expect(second.asked).toEqual([...started, 'check', 'plan', 'apply', 'cluster', 'cluster']);
    expect(restarted).toHaveBeenCalledOnce();
  });

  it('does not apply what was undone', async () => {
    const [first, second] = [new FakeWorker(), new FakeWorker()];
    const engine = engineWith([first, second]);
    await engine.open(disk);
    await engine.call('check', {deep: false});
    await engine.call('plan', {scope: 'all', accept: [], leave: [], redirect: false});
    await engine.call('apply', undefined);
    await engine.call('undo', undefined);
    first.events?.ended(2, '');
    await engine.call('cluster', {cluster: 1});
    expect(second.asked).toEqual([...started, 'check', 'cluster']);
  });
});

describe('cancel', () => {
  it('leaves a worker alone that stops when asked', async () => {
    const worker = new FakeWorker();
    worker.holds.add('check');
    const engine = engineWith([worker]);
    await engine.open(disk);
    const check = engine.call('check', {deep: false});
    await vi.waitFor(() => expect(worker.asked).toContain('check'));
    const cancelled = engine.cancel();
    worker.release('check');
    await cancelled;
    expect((await check).ok).toBe(true);
    expect(worker.ended).toBe(false);
  });

  it('ends a worker that does not, and opens the file in a new one', async () => {
    const [first, second] = [new FakeWorker(), new FakeWorker()];
    first.holds.add('check');
    const engine = engineWith([first, second]);
    const restarted = vi.fn();
    engine.onRestart = restarted;
    await engine.open(disk);
    const check = engine.call('check', {deep: false});
    await vi.waitFor(() => expect(first.asked).toContain('check'));
    await engine.cancel();
    expect(await check).toMatchObject({ok: false, error: {kind: 'cancelled'}});
    expect(first.ended).toBe(true);
    await engine.call('check', {deep: false});
    expect(second.asked).toEqual([...started, 'check']);
    expect(restarted).not.toHaveBeenCalled();
  });

  it('does nothing when nothing runs', async () => {
    await engineWith([]).cancel();
  });
});

describe('files beside the image', () => {
  const parent = new File(['base'], 'base.raw');
  const withParent = async (worker: FakeWorker, next: FakeWorker) => {
    worker.replies.set('layersAttach', {attached: true});
    const engine = engineWith([worker, next]);
    await engine.open(disk);
    await engine.call('check', {deep: false});
    expect((await engine.attachBeside(parent, 0, false)).ok).toBe(true);
    return engine;
  };

  it('are given to the worker, and to the one that takes its place', async () => {
    const [first, second] = [new FakeWorker(), new FakeWorker()];
    const engine = await withParent(first, second);
    expect(first.asked).toEqual([...started, 'check', 'beside 1 base.raw', 'layersAttach']);
    first.events?.ended(2, '');
    await engine.call('layersChain', undefined);
    expect(second.asked).toEqual([...started, 'beside 1 base.raw', 'layersAttach', 'check', 'layersChain']);
  });

  it('are forgotten when they were taken out', async () => {
    const [first, second] = [new FakeWorker(), new FakeWorker()];
    const engine = await withParent(first, second);
    await engine.call('layersDetach', {link: 0, data: false});
    first.events?.ended(2, '');
    await engine.call('layersChain', undefined);
    expect(second.asked).toEqual([...started, 'check', 'layersChain']);
  });
});
