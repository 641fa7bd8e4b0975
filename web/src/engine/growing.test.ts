import {afterEach, expect, it, vi} from 'vitest';
import {ok} from '../base/result';
import type {EngineApi} from './api';
import {Engine, QUIET_MS} from './client';
import type {Port} from './client';

const disk = new File(['x'], 'disk.qcow2');
const request = {scope: 'all', accept: [], leave: [], redirect: false};

/** Workers that note what they are asked, each under the name of what it has loaded. */
function world() {
  const asked: string[] = [];
  const ended: string[] = [];
  const held = new Map<string, () => void>();
  const holds = new Set<string>();
  const fails = new Set<string>();
  const spawn = (): Port => {
    let name = '?';
    const answer = (what: string, value: unknown): Promise<unknown> => {
      asked.push(`${name} ${what}`);
      const reply = fails.has(`${name} ${what}`) ? {ok: false, error: {kind: 'internal'}} : value;
      return holds.has(`${name} ${what}`) ? new Promise((resolve) => held.set(`${name} ${what}`, () => resolve(reply))) : Promise.resolve(reply);
    };
    const api = {
      start: (url: string) => {
        name = url;
        return answer('start', ok(true));
      },
      attach: () => Promise.resolve(),
      call: (op: string) => answer(op, ok({})),
      cancel: () => Promise.resolve(),
    };
    return {api: api as unknown as EngineApi, end: () => ended.push(name)};
  };
  const engine = new Engine(spawn, {first: 'first', whole: 'whole'});
  return {engine, asked, ended, holds, fails, release: (what: string) => held.get(what)?.()};
}

/** A world in which a plan waits for the whole core, and that for its check. */
async function growing() {
  const made = world();
  const {engine, asked, holds} = made;
  await engine.open(disk);
  await engine.call('check', {deep: false});
  holds.add('whole check');
  const plan = engine.call('plan', request);
  await vi.waitFor(() => expect(asked).toContain('whole check'));
  return {...made, plan};
}

afterEach(() => vi.useRealTimers());

it('opens and checks with the first operations, and loads the others afterwards', async () => {
  const {engine, asked} = world();
  engine.warmUp();
  await engine.open(disk);
  expect(asked).toEqual(['first start', 'first open']);
  await engine.call('check', {deep: false});
  await engine.call('cluster', {cluster: 1});
  expect(asked.slice(2)).toEqual(['first check', 'whole start', 'first cluster']);
});

it('brings the whole core to where the first is, once, and leaves that when all is answered', async () => {
  const {engine, asked, ended, holds, release} = world();
  await engine.open(disk);
  await engine.call('check', {deep: false});
  holds.add('first cluster');
  const cluster = engine.call('cluster', {cluster: 1});
  const plans = [engine.call('plan', request), engine.call('bytes', {offset: '0x0', length: 1, other: false} as never)];
  expect((await Promise.all(plans)).every((reply) => reply.ok)).toBe(true);
  expect(asked.filter((what) => what.startsWith('whole'))).toEqual(['whole start', 'whole open', 'whole check', 'whole plan', 'whole bytes']);
  expect(ended).toEqual([]);
  release('first cluster');
  expect((await cluster).ok).toBe(true);
  await vi.waitFor(() => expect(ended).toEqual(['first']));
  await engine.call('cluster', {cluster: 2});
  expect(asked.at(-1)).toBe('whole cluster');
});

it('answers from the first meanwhile', async () => {
  const {engine, asked, release, plan} = await growing();
  await engine.call('cluster', {cluster: 1});
  expect(asked.at(-1)).toBe('first cluster');
  release('whole check');
  expect((await plan).ok).toBe(true);
});

it('says why it could not, and tries again with the next call', async () => {
  const {engine, fails, ended} = world();
  await engine.open(disk);
  await engine.call('check', {deep: false});
  fails.add('whole check');
  expect(await engine.call('plan', request)).toMatchObject({ok: false});
  expect([...new Set(ended)]).toEqual(['whole']);
  expect((await engine.call('cluster', {cluster: 1})).ok).toBe(true);
  fails.clear();
  expect((await engine.call('plan', request)).ok).toBe(true);
});

it('stops growing when another file is opened', async () => {
  const {engine, ended, plan} = await growing();
  expect((await engine.open(disk)).ok).toBe(true);
  expect(await plan).toMatchObject({ok: false, error: {kind: 'cancelled'}});
  expect(ended).toContain('whole');
});

it('grows unasked when nothing has been asked for a while, once', async () => {
  vi.useFakeTimers();
  const {engine, asked, ended} = world();
  await engine.open(disk);
  await engine.call('check', {deep: false});
  await vi.advanceTimersByTimeAsync(QUIET_MS - 1);
  await engine.call('cluster', {cluster: 1});
  await vi.advanceTimersByTimeAsync(QUIET_MS - 1);
  expect(asked).not.toContain('whole open');
  await vi.advanceTimersByTimeAsync(1);
  expect(asked.slice(-2)).toEqual(['whole open', 'whole check']);
  expect(ended).toEqual(['first']);
  await engine.call('plan', request);
  expect(asked.slice(-2)).toEqual(['whole check', 'whole plan']);
});

it('does not grow beside what still runs, nor for a file that was closed', async () => {
  vi.useFakeTimers();
  const {engine, asked, holds, release} = world();
  await engine.open(disk);
  await engine.call('check', {deep: false});
  holds.add('first cluster');
  const cluster = engine.call('cluster', {cluster: 1});
  await vi.advanceTimersByTimeAsync(2 * QUIET_MS);
  expect(asked).not.toContain('whole open');
  release('first cluster');
  await cluster;
  engine.close();
  await vi.advanceTimersByTimeAsync(2 * QUIET_MS);
  expect(asked).not.toContain('whole open');
});

it('tries once unasked, and again when it is needed', async () => {
  vi.useFakeTimers();
  const {engine, asked, fails} = world();
  await engine.open(disk);
  fails.add('whole check');
  await engine.call('check', {deep: false});
  await vi.advanceTimersByTimeAsync(QUIET_MS);
  await engine.call('cluster', {cluster: 1});
  await vi.advanceTimersByTimeAsync(2 * QUIET_MS);
  expect(asked.filter((what) => what === 'whole check')).toHaveLength(1);
  fails.clear();
  expect((await engine.call('plan', request)).ok).toBe(true);
});

it('stops what waits for the whole core, and leaves the first as it is', async () => {
  const {engine, ended, plan} = await growing();
  await engine.cancel();
  expect(await plan).toMatchObject({ok: false, error: {kind: 'cancelled'}});
  expect(ended).not.toContain('first');
  expect((await engine.call('cluster', {cluster: 1})).ok).toBe(true);
});

it('does not take what was asked of one file for a step of the next', async () => {
  const {engine, asked, holds, release} = world();
  await engine.open(disk);
  await engine.call('check', {deep: false});
  holds.add('whole writePlan').add('whole plan');
  const write = engine.call('writePlan', {} as never);
  await vi.waitFor(() => expect(asked).toContain('whole writePlan'));
  await engine.open(new File(['y'], 'next.qcow2'));
  await engine.call('check', {deep: false});
  release('whole writePlan');
  await write;
  void engine.call('plan', request);
  await vi.waitFor(() => expect(asked).toContain('whole plan'));
  await engine.cancel(); // It does not listen, so that its worker is ended.
  holds.clear();
  await engine.call('cluster', {cluster: 1});
  expect(asked.slice(-5)).toEqual(['first start', 'first open', 'first check', 'first cluster', 'whole start']);
});
