import {describe, expect, it, vi} from 'vitest';
import {failure, ok} from '../../base/result';
import {unexpected} from '../../engine/problems';
import {planeOf, tilesIn} from '../../model/map/plane';
import type {MapTileRequest} from '../../protocol/protocol.gen';
import {Lazy} from './lazy';
import {TileStore} from './tiles';
import type {Source} from './tiles';

const source: Source = {space: 'host', layer: 0, plane: planeOf(2 ** 24, 'hilbert')};
const everything = {x: 0, y: 0, width: 4096, height: 4096};
const places = tilesIn(source.plane, 0, everything);
const wanted = places.map((place) => ({source, place}));

/** A core that counts, in the first byte of each cell, the cells of the tile. */
function core() {
  const asked: MapTileRequest[] = [];
  const read = (request: MapTileRequest) => {
    asked.push(request);
    return Promise.resolve(ok(Uint8Array.from({length: 2 * 4 ** 3}, (_, i) => (i % 2 === 0 ? i / 2 : request.x))));
  };
  return {asked, read};
}

describe('tiles', () => {
  it('are read in the order in which they are wanted, each once', async () => {
    const {asked, read} = core();
    const loaded = vi.fn();
    const store = new TileStore(read, loaded, vi.fn());
    store.want(wanted.slice(0, 4));
    expect(store.busy).toBe(true);
    await vi.waitFor(() => expect(loaded).toHaveBeenCalledTimes(4));
    store.want(wanted.slice(0, 4));
    expect(store.busy).toBe(false);
    expect(asked).toHaveLength(4);
    expect(asked[0]).toMatchObject({space: 'host', order: 'along', level: 0, clusters: 2 ** 24});
    expect(new Set(asked.map(({x}) => x)).size).toBe(4);
  });

  it('that are no longer wanted are not read', async () => {
    const {asked, read} = core();
    const loaded = vi.fn();
    const store = new TileStore(read, loaded, vi.fn());
    store.want(wanted);
    store.want(wanted.slice(15));
    await vi.waitFor(() => expect(loaded).toHaveBeenCalledTimes(3));
    expect(asked).toHaveLength(3);
  });

  it('are dropped when there are too many, those that were used longest ago first', async () => {
    const {read} = core();
    const dropped = vi.fn();
    const loaded = vi.fn();
    const store = new TileStore(read, loaded, dropped);
    const coarse = tilesIn(source.plane, 1, everything).map((place) => ({source, place}));
    store.want(wanted);
    await vi.waitFor(() => expect(loaded).toHaveBeenCalledTimes(16));
    store.want([...wanted.slice(0, 1), ...coarse]);
    await vi.waitFor(() => expect(dropped).toHaveBeenCalledTimes(4));
    expect(places[0] !== undefined && store.get(source, places[0])).not.toBeNull();
    store.end();
    expect(dropped).toHaveBeenCalledTimes(20);
  });

  it('that cannot be read are not asked for again', async () => {
    const read = vi.fn(() => Promise.resolve(failure(unexpected('no'))));
    const loaded = vi.fn();
    const store = new TileStore(read, loaded, vi.fn());
    store.want(wanted.slice(0, 1));
    await vi.waitFor(() => expect(loaded).toHaveBeenCalledOnce());
    store.want(wanted.slice(0, 1));
    expect(read).toHaveBeenCalledOnce();
    expect(loaded.mock.lastCall?.[0]).toMatchObject({kind: 'internal'});
  });

  it('give the cell at a place, and nothing past the end', async () => {
    const small: Source = {space: 'host', layer: 0, plane: planeOf(40, 'rows')};
    const cells = Uint8Array.from({length: 2 * 40}, (_, i) => (i === 78 ? 255 : i));
    const loaded = vi.fn();
    const store = new TileStore(() => Promise.resolve(ok(cells)), loaded, vi.fn());
    expect(store.cell(small, {level: 0, x: 3, y: 1})).toBeNull();
    store.want(tilesIn(small.plane, 0, {x: 0, y: 0, width: 8, height: 5}).map((place) => ({source: small, place})));
    await vi.waitFor(() => expect(loaded).toHaveBeenCalled());
    expect(store.cell(small, {level: 0, x: 3, y: 1})).toEqual([22, 23]);
    expect(store.cell(small, {level: 0, x: 7, y: 4})).toBeNull();
  });
});

describe('small answers', () => {
  it('are asked for once, and kept as long as they are used', async () => {
    const loaded = vi.fn();
    const lazy = new Lazy<number>(2, loaded);
    const ask = vi.fn(() => Promise.resolve(ok(7)));
    expect(lazy.get('a', ask)).toBeNull();
    expect(lazy.get('a', ask)).toBeNull();
    expect(lazy.busy).toBe(true);
    await vi.waitFor(() => expect(lazy.get('a', ask)).toBe(7));
    expect(ask).toHaveBeenCalledOnce();
    for (const key of ['b', 'c']) {
      lazy.get(key, ask);
      await vi.waitFor(() => expect(lazy.peek(key)).toBe(7));
    }
    expect(lazy.peek('a')).toBeNull();
    expect(lazy.busy).toBe(false);
  });
});
