import {describe, expect, it} from 'vitest';
import {cellAround, clusterAt, clustersOf, extentOf, nameOf, placeInTile, planeOf, pointOf, rectsOf, tilesIn} from './plane';
import type {Order} from './plane';

const orders: readonly Order[] = ['rows', 'hilbert'];
const sizes = [1, 7, 8, 40, 64, 65, 351, 1000, 4097];
const planes = orders.flatMap((order) => sizes.map((clusters) => planeOf(clusters, order)));

describe.each(planes)('$clusters clusters, $order', (plane) => {
  const all = Array.from({length: plane.clusters}, (_, cluster) => cluster);

  it('each has a place of its own, within the extent', () => {
    const {width, height} = extentOf(plane);
    const places = new Set<string>();
    for (const cluster of all) {
      const point = pointOf(plane, cluster);
      expect(clusterAt(plane, {x: point.x + 0.9, y: point.y + 0.1})).toBe(cluster);
      expect(point.x < width && point.y < height).toBe(true);
      places.add(`${point.x} ${point.y}`);
    }
    expect(places.size).toBe(plane.clusters);
    expect(clusterAt(plane, {x: -0.1, y: 0})).toBeNull();
    expect(clusterAt(plane, {x: 0, y: 2 ** plane.bits})).toBeNull();
  });

  it('runs fill rectangles that hold them and nothing else', () => {
    for (const [first, count] of [
      [0, plane.clusters],
      [3, 5],
      [plane.clusters - 1, 4],
      [17, 300],
    ] as const) {
      const want = all.slice(first, first + count);
      const got = rectsOf(plane, first, count).flatMap((r) =>
        Array.from({length: r.width * r.height}, (_, i) => clusterAt(plane, {x: r.x + (i % r.width), y: r.y + Math.floor(i / r.width)})),
      );
      expect(got.sort((a, b) => (a ?? -1) - (b ?? -1))).toEqual(want);
    }
  });

  it('cells of every level know how many clusters they hold', () => {
    for (let level = 0; level <= plane.bits; level++) {
      const counts = new Map<string, number>();
      for (const cluster of all) {
        const {x, y} = cellAround(level, pointOf(plane, cluster));
        counts.set(`${x} ${y}`, (counts.get(`${x} ${y}`) ?? 0) + 1);
      }
      for (const [key, count] of counts) {
        const [x = 0, y = 0] = key.split(' ').map(Number);
        expect(clustersOf(plane, {level, x, y}).count, `level ${level}, ${key}`).toBe(count);
      }
    }
  });

  it('tiles hold the cells of a level where the core puts them', () => {
    for (const level of [0, 1]) {
      const everything = {x: 0, y: 0, width: 2 ** plane.bits, height: 2 ** plane.bits};
      for (const tile of tilesIn(plane, level, everything)) {
        const {x: tileX} = nameOf(plane, {level: level + tile.bits, x: tile.x, y: tile.y});
        for (let i = 0; i < tile.side ** 2; i++) {
          const [column, row] = [i % tile.side, Math.floor(i / tile.side)];
          const cell = {level, x: tile.x * tile.side + column, y: tile.y * tile.side + row};
          const place = placeInTile(plane, tile, column, row);
          // Along the curve the core writes cell after cell; in rows, row after row.
          const want = plane.order === 'hilbert' ? nameOf(plane, cell).x - tileX * 4 ** tile.bits : row * 2 ** (plane.bits - level) + column;
          expect(place).toBe(want);
        }
      }
    }
  });
});

it('large planes have many tiles, and only those on screen are wanted', () => {
  const plane = planeOf(2 ** 24, 'hilbert');
  expect(tilesIn(plane, 0, {x: 0, y: 0, width: 4096, height: 4096})).toHaveLength(16);
  expect(tilesIn(plane, 0, {x: 1000, y: 10, width: 100, height: 100})).toHaveLength(2);
  expect(tilesIn(plane, 4, {x: 0, y: 0, width: 4096, height: 4096})).toMatchObject([{side: 256, bits: 8}]);
});
