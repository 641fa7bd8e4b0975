import {expect, it, vi} from 'vitest';
import {ok} from '../base/result';
import {inFile, onDisk} from '../model/map/place';
import type {MapLinksRequest} from '../protocol/protocol.gen';
import {MapDesk} from './mapdesk';
import {Store} from './store';
import {initialView} from './view';
import type {View} from './view';

const TABLES = 3;

/** A core whose scan takes three steps, and in which guest cluster n is in host cluster n + 100. */
function desk() {
  const asked: MapLinksRequest[] = [];
  let done = 0;
  const call = vi.fn((op: string, request: unknown) => {
    if (op === 'mapScan') {
      done = Math.min(TABLES, done + 1);
      return Promise.resolve(ok({done, total: TABLES, complete: true, linked: true}));
    }
    if (op === 'written') {
      return Promise.resolve(ok(new Float64Array([5, 1, 40, 3])));
    }
    const meant = request as MapLinksRequest;
    asked.push(meant);
    const first = meant.space === 'host' ? meant.first - 100 : meant.first + 100;
    return Promise.resolve(ok({firsts: new Float64Array([first]), counts: new Float64Array([meant.count]), more: new Uint8Array([0])}));
  });
  const view = new Store<View>(initialView());
  const made = new MapDesk({call}, view);
  return {desk: made, view, asked, call};
}

const run = (first: number) => ({space: 'guest', first, count: 1, rows: 1, stride: 0}) as const;

it('reads the tables step by step, once', async () => {
  const {desk: map, call} = desk();
  await Promise.all([map.readTables(), map.readTables()]);
  await map.readTables();
  expect(call).toHaveBeenCalledTimes(TABLES);
  expect(map.scan.value?.done).toBe(TABLES);
});

it('links what is selected once the tables are read, in both directions', async () => {
  const {desk: map, view} = desk();
  view.update((old) => ({...old, selected: onDisk(0, 7)}));
  expect(map.linked.value.selected).toBeNull();
  await map.readTables();
  expect(map.linked.value.selected).toEqual({space: 'host', runs: [{first: 107, count: 1}], more: false});
  view.update((old) => ({...old, selected: inFile(107)}));
  await vi.waitFor(() => expect(map.linked.value.selected).toEqual({space: 'guest', runs: [{first: 7, count: 1}], more: false}));
  view.update((old) => ({...old, selected: null}));
  expect(map.linked.value.selected).toBeNull();
});

it('asks about the pointer one question at a time, the latest', async () => {
  const {desk: map, asked} = desk();
  await map.readTables();
  for (let first = 1; first <= 9; first++) {
    map.hover(run(first));
  }
  await vi.waitFor(() => expect(map.linked.value.hovered?.runs).toEqual([{first: 109, count: 1}]));
  expect(asked.map(({first}) => first)).toEqual([1, 9]);
  map.hover(null);
  expect(map.linked.value.hovered).toBeNull();
});

it('forgets all of it when the image changes', async () => {
  const {desk: map, view} = desk();
  view.update((old) => ({...old, selected: onDisk(0, 7)}));
  await map.readTables();
  view.update((old) => ({...old, epoch: old.epoch + 1}));
  expect(map.scan.value).toBeNull();
  expect(map.linked.value.selected).toBeNull();
});

it('marks what a plan writes to, until the image changes', async () => {
  const {desk: map, view} = desk();
  await map.readWritten();
  expect(map.linked.value.written).toEqual({space: 'host', runs: [{first: 5, count: 1}, {first: 40, count: 3}], more: false});
  const late = map.readWritten();
  view.update((old) => ({...old, epoch: old.epoch + 1}));
  await late;
  expect(map.linked.value.written).toBeNull();
});
