import {expect, it, vi} from 'vitest';
import {failure, ok} from '../base/result';
import {unexpected} from '../engine/problems';
import type {TileRequest} from '../protocol/protocol.gen';
import {TileCache} from './tiles';

const PAGE = 1 << 14;

/** A core whose cells hold the low byte of their number, and what it was asked. */
function core() {
  const asked: TileRequest[] = [];
  const read = (request: TileRequest) => {
    asked.push(request);
    const first = request.first / request.perCell;
    return Promise.resolve(ok(Uint8Array.from({length: request.cells}, (_, i) => (first + i) & 0xff)));
  };
  return {asked, read};
}

it('reads what is wanted, once, and no further than the file goes', async () => {
  const {asked, read} = core();
  const loaded = vi.fn();
  const cache = new TileCache(read, PAGE + 100, loaded);
  expect(cache.cell(1, 5)).toBeNull();
  cache.want(1, 0, PAGE + 50);
  await vi.waitFor(() => expect(loaded).toHaveBeenCalledTimes(2));
  cache.want(1, 0, PAGE + 50);
  expect(asked).toEqual([
    {first: 0, perCell: 1, cells: PAGE},
    {first: PAGE, perCell: 1, cells: 100},
  ]);
  expect(cache.cell(1, 5)).toBe(5);
  expect(cache.cell(1, PAGE + 99)).toBe((PAGE + 99) & 0xff);
  expect(cache.cell(1, PAGE + 100)).toBeNull();
});

it('keeps zooms apart', async () => {
  const {asked, read} = core();
  const cache = new TileCache(read, 1 << 24, () => undefined);
  cache.want(1024, 0, PAGE);
  await vi.waitFor(() => expect(cache.cell(1024, 7)).toBe(7));
  expect(cache.cell(1, 7)).toBeNull();
  expect(asked).toEqual([{first: 0, perCell: 1024, cells: PAGE}]);
});

it('forgets what is no longer wanted before it was asked for', async () => {
  const {asked, read} = core();
  const cache = new TileCache(read, 1 << 24, () => undefined);
  cache.want(1, 0, 100 * PAGE);
  cache.want(1, 500 * PAGE, 501 * PAGE);
  await vi.waitFor(() => expect(cache.cell(1, 500 * PAGE)).not.toBeNull());
  expect(asked.map((request) => request.first / PAGE)).toEqual([0, 1, 500]);
});

it('does not ask again for what failed', async () => {
  const read = vi.fn(() => Promise.resolve(failure(unexpected('no'))));
  const loaded = vi.fn();
  const cache = new TileCache(read, 100, loaded);
  cache.want(1, 0, 100);
  await vi.waitFor(() => expect(loaded).toHaveBeenCalledOnce());
  cache.want(1, 0, 100);
  expect(read).toHaveBeenCalledOnce();
  expect(loaded.mock.lastCall?.[0]).toMatchObject({kind: 'internal'});
});
