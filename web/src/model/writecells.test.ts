import {describe, expect, it} from 'vitest';
import {cluster, planReply} from '../../test/fake-write';
import type {WritePlanReply} from '../protocol/protocol.gen';
import {WriteDeeds} from '../protocol/protocol.gen';
import {answerOf, bitsOf, cellRuns, cellsOf, deedText, pieceLabel, pieceText, runsOf, tellingCluster} from './writecells';
import {detailGrid} from './writerange';

const disk = {size: 1 << 20, clusterSize: 65536, extended: true};
const deed = (...names: (typeof WriteDeeds)[number][]) => names.reduce((set, name) => set | (1 << WriteDeeds.indexOf(name)), 0);

describe('cells', () => {
  it('are those of the plan where it touches a cluster, else as they are', () => {
    const states = {first: 0, bytes: new Uint8Array(16 * 32).fill(4)};
    const plan = planReply({clusters: [cluster({cluster: 2, before: '1'.repeat(32), deeds: `10${'00'.repeat(31)}`, after: `4${'1'.repeat(31)}`})]});
    const touched = cellsOf(detailGrid(disk, 2), disk, states, plan);
    expect(touched).toHaveLength(32);
    expect(touched[0]).toEqual({before: 'unallocated-host', deeds: 16, after: 'data'});
    expect(touched[1]).toEqual({before: 'unallocated-host', deeds: 0, after: 'unallocated-host'});
    expect(cellsOf(detailGrid(disk, 3), disk, states, plan)[5]).toEqual({before: 'data', deeds: 0, after: 'data'});
    expect(cellRuns(touched)).toMatchObject([{from: 0, count: 1}, {from: 1, count: 31}]);
  });

  it('are clusters without subclusters', () => {
    const plain = {...disk, extended: false};
    const states = {first: 0, bytes: Uint8Array.from([0, 4, 5, 6, ...new Array<number>(12).fill(2)])};
    const plan = planReply({clusters: [cluster({cluster: 1, before: '4', deeds: '11', after: '4'})]});
    const cells = cellsOf(detailGrid(plain, 7), plain, states, plan);
    expect(cells.map(({before}) => before).slice(0, 5)).toEqual(['unallocated', 'data', 'compressed', 'invalid', 'zero']);
    expect(cells[1]?.deeds).toBe(17);
    expect(cells).toHaveLength(16);
    expect(runsOf(cells.map(({before}) => before)).at(-1)).toEqual({state: 'zero', from: 4, count: 12});
  });
});

it('the first cluster to be shown is one that tells something', () => {
  const bytes = new Uint8Array(4 * 32).fill(4);
  expect(tellingCluster(disk, {first: 0, bytes})).toBe(0);
  bytes[70] = 0;
  expect(tellingCluster(disk, {first: 0, bytes})).toBe(2);
  expect(tellingCluster({...disk, extended: false}, {first: 0, bytes})).toBe(0);
  expect(tellingCluster(disk, null)).toBe(0);
});

describe('words', () => {
  it('tell what happens to a cell', () => {
    expect(deedText(deed('written'))).toBe('written');
    expect(deedText(deed('written', 'copied', 'filled'))).toBe('written in part, the rest copied from the old cluster, filled with zeros');
    expect(deedText(deed('decompressed'))).toBe('decoded from the compressed cluster');
    expect(deedText(deed('flagged'))).toBe('set in the entry, without data');
    expect(deedText(0)).toBe('');
  });

  it('tell where a piece comes from, or why it is skipped', () => {
    const piece = {guest: 0, length: 1, deed: 'copied', host: '0x50000', why: ''};
    expect(pieceText(piece)).toBe('copied from the old cluster, host 0x50000');
    expect(pieceText({...piece, deed: 'skipped', host: '', why: 'it stays zero in the bitmap'})).toBe('left alone: it stays zero in the bitmap');
    expect(pieceLabel({...piece, deed: 'filled'}).letter).toBe('0');
  });

  it('say no more of a plan than is so', () => {
    const totals = {...planReply({}).totals, written: 4096, copied: 8192, zeroed: 4096, entries: 1, refcounts: 1, steps: 9};
    const extent = {what: 'data', guest: 0, length: 4096, host: '0x50000', size: 65536, linked: true};
    const answer = (change: Partial<WritePlanReply['totals']>, touched: number, ...whats: string[]) =>
      answerOf(planReply({totals: {...totals, ...change}, touched, extents: whats.map((what) => ({...extent, what}))}));
    expect(answer({}, 1, 'data')).toEqual({headline: 'The data goes to a new cluster; 8 KiB around it are copied, 4 KiB are filled with zeros.', factor: 4});
    expect(answer({copied: 0, zeroed: 0}, 3, 'data', 'in-place').headline).toBe('A part of the data goes to new clusters; nothing has to be copied.');
    expect(answer({copied: 0}, 3, 'data').headline).toBe('The data goes to newly allocated clusters; 4 KiB are filled with zeros.');
    expect(answer({zeroed: 0}, 1, 'in-place').headline).toBe('The data is written in place; 8 KiB around it are copied.');
    expect(answer({copied: 0, zeroed: 0, entries: 0, refcounts: 0}, 1, 'in-place').headline).toContain('no record at all');
    expect(answerOf(planReply({totals: {...totals, written: 0}})).headline).toBe('No data is written: one L2 entry changes.');
    expect(answerOf(planReply({totals: {...totals, steps: 0}})).headline).toBe('Nothing changes.');
  });
});

it('bits are numbered as subclusters', () => {
  const bits = bitsOf('80000001', '80000003');
  expect(bits).toHaveLength(32);
  expect([bits[0], bits[1], bits[2], bits[31]]).toEqual([
    {on: true, changed: false},
    {on: true, changed: true},
    {on: false, changed: false},
    {on: true, changed: false},
  ]);
  expect(bitsOf('', '')).toEqual([]);
});
