import {describe, expect, it} from 'vitest';
import type {MapTotals} from '../../protocol/protocol.gen';
import {OWNERS} from '../owners';
import {LIGHT} from '../palette';
import {mapPalette} from './colours';
import {looksOf} from './kinds';
import {planeOf} from './plane';
import {cellWords, countsOf, pinWords, spotWords} from './words';
import type {CellFacts} from './words';

const palette = mapPalette(LIGHT);
const looks = (space: 'host' | 'guest') => looksOf(space, space === 'guest' ? 'owner' : 'layer', palette, {parent: false, snapshots: ['one']});
const host = (bytes: [number, number] | null): CellFacts => ({space: 'host', by: 'owner', looks: looks('host'), bytes, byLayer: false});
const data = OWNERS.indexOf('data');

describe('a cell in words', () => {
  it.each([
    [host(null), 'not read yet'],
    [host([data, 0xf1]), 'Data'],
    [host([data | (5 << 5), 0xf0]), 'Data, danger'],
    [host([data, 0xf5]), 'Data, 5 to 8 references'],
    [{...host([2, 0x42]), space: 'guest', looks: looks('guest')}, 'Compressed data'],
    [{...host([5 | (7 << 5), 128]), byLayer: true}, 'Only snapshot 1: one, from 50 % of the disk'],
    [{...host([0, 0]), byLayer: true, by: 'order'}, 'nothing of the disk'],
  ] satisfies [CellFacts, string][])('%#', (facts, words) => {
    expect(cellWords(facts)).toBe(words);
  });
});

describe('a spot in words', () => {
  const plane = planeOf(4096, 'rows');
  const inside = {clusterBits: 16, subclusters: 32};
  const none = {state: null, byte: null};
  const words = (spot: Parameters<typeof spotWords>[0], more = none as Parameters<typeof spotWords>[4]) => spotWords(spot, plane, inside, host([data, 0xf1]), more);

  it('says where it is and how much it is', () => {
    expect(words({cluster: 28, level: 0, offset: 0, length: 65536})).toBe('Cluster 28 at 0x1c0000: Data');
    expect(words({cluster: 64, level: 2, offset: 0, length: 65536})).toBe('A square of 4 by 4 clusters from 0x400000, 1 MiB: mostly Data');
    expect(spotWords({cluster: 64, level: 2, offset: 0, length: 65536}, planeOf(4096, 'hilbert'), inside, host([data, 0xf1]), none)).toBe(
      '16 clusters from 0x400000, 1 MiB: mostly Data',
    );
  });

  it('goes down to subclusters and bytes', () => {
    expect(words({cluster: 1, level: 0, offset: 4096, length: 2048}, {state: 2, byte: null})).toBe(
      'Subcluster 2 at 0x11000: reads as zeros, in cluster 1: Data',
    );
    expect(words({cluster: 1, level: 0, offset: 5, length: 1}, {state: null, byte: 7})).toBe('Byte 0x10005 is 0x07, in cluster 1: Data');
  });
});

it('a mark in words', () => {
  const pin = {cluster: 2, count: 1, rank: 5, x: 0, y: 0};
  expect(pinWords(pin, 65536)).toBe('Danger at 0x20000');
  expect(pinWords({...pin, count: 12}, 65536)).toBe('Danger in 12 clusters here, one of them at 0x20000');
});

it('counts by what is coloured', () => {
  const totals: MapTotals = {clusters: 10, end: 9, nothing: 3, kinds: [4, 6], severities: [8, 0, 1, 0, 0, 1, 0, 0], references: [4, 5, 1]};
  expect(countsOf('owner', 'host', totals)).toEqual([4, 6]);
  expect(countsOf('references', 'host', totals)).toEqual([4, 5, 1]);
  expect(countsOf('references', 'guest', totals)).toEqual([4, 6]);
  // Free and fine, in use and fine, and the severities from note to danger.
  expect(countsOf('health', 'host', totals).slice(0, 7)).toEqual([3, 5, 0, 1, 0, 0, 1]);
});
