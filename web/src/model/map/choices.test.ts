import {expect, it} from 'vitest';
import {MAP_CHOICES, orderFor, shownClusters, toggled} from './choices';
import {meantBy} from './meant';
import {planeOf} from './plane';
import {hostClusterOf, inFile, onDisk, samePlace} from './place';

it('rows are for small maps, unless something else is chosen', () => {
  expect(orderFor(MAP_CHOICES, 65536)).toBe('rows');
  expect(orderFor(MAP_CHOICES, 65537)).toBe('hilbert');
  expect(orderFor({...MAP_CHOICES, order: 'rows'}, 2 ** 24)).toBe('rows');
});

it('the free end is folded when it takes much of the map', () => {
  expect(shownClusters(1000, 10, false)).toBe(10);
  expect(shownClusters(1000, 10, true)).toBe(1000);
  expect(shownClusters(1000, 950, false)).toBe(1000);
  expect(shownClusters(1000, 0, false), 'where there is nothing at all, nothing is hidden').toBe(1000);
});

it('a look is filtered for, and no more', () => {
  expect(toggled([], 3)).toEqual([3]);
  expect(toggled([3, 4], 3)).toEqual([4]);
});

it('a cell stands for a run along the curve, and for a square in rows', () => {
  const spot = {cluster: 70, level: 1, offset: 0, length: 1};
  expect(meantBy('host', planeOf(4096, 'rows'), spot)).toEqual({space: 'host', first: 6, count: 2, rows: 2, stride: 64});
  expect(meantBy('guest', planeOf(4096, 'hilbert'), spot)).toEqual({space: 'guest', first: 68, count: 4, rows: 1, stride: 0});
  expect(meantBy('host', planeOf(4096, 'rows'), {...spot, level: 0})).toEqual({space: 'host', first: 70, count: 1, rows: 1, stride: 0});
});

it('places are the same when they mean the same cluster', () => {
  expect(samePlace(inFile(3), inFile(3))).toBe(true);
  expect(samePlace(onDisk(0, 3), inFile(3))).toBe(false);
  expect(samePlace(onDisk(0, 3), onDisk(1, 3))).toBe(false);
  expect(samePlace(null, inFile(0))).toBe(false);
  expect([hostClusterOf(inFile(3)), hostClusterOf(onDisk(0, 3)), hostClusterOf(null)]).toEqual([3, null, null]);
});
