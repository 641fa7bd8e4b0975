import {describe, expect, it} from 'vitest';
import {
  barOf,
  cellAt,
  clustersOf,
  detailGrid,
  dragged,
  firstSpan,
  grainOf,
  keyedSpan,
  offsetAt,
  parseByte,
  parseSize,
  shifted,
  sizeText,
  stripGrid,
  withEdge,
} from './writerange';

const KIB = 1024;
const disk = {size: 10 * 1024 * KIB, clusterSize: 64 * KIB, extended: true};
const plain = {...disk, extended: false};
const grid = detailGrid(disk, 2);

describe('the grid', () => {
  it('is the subclusters of a cluster, or 32 clusters where there are none', () => {
    expect(grid).toEqual({start: 128 * KIB, cell: 2 * KIB, cells: 32, disk: disk.size});
    expect(detailGrid(plain, 33)).toEqual({start: 2048 * KIB, cell: 64 * KIB, cells: 32, disk: disk.size});
    expect(stripGrid(disk, 33)).toEqual(detailGrid(plain, 33));
  });

  it('ends where the disk does', () => {
    const odd = {...disk, size: 131 * KIB};
    expect(clustersOf(odd)).toBe(3);
    expect(detailGrid(odd, 2).cells).toBe(2);
    expect(stripGrid(odd, 0).cells).toBe(3);
  });

  it('is picked in quarters of a cell, but in whole sectors', () => {
    expect(grainOf(grid)).toBe(512);
    expect(grainOf(stripGrid(disk, 0))).toBe(16 * KIB);
    expect(grainOf({...grid, cell: 512})).toBe(512);
  });
});

describe('dragging', () => {
  it('takes the grains of both ends, in both directions', () => {
    const from = offsetAt(grid, 3.5 / 32);
    const to = offsetAt(grid, 5.1 / 32);
    expect(from).toBe(135 * KIB);
    expect(dragged(grid, from, to)).toEqual({offset: 135 * KIB, length: 3.5 * KIB});
    expect(dragged(grid, to, from)).toEqual(dragged(grid, from, to));
  });

  it('stays on the row and on the disk', () => {
    expect(offsetAt(grid, -3)).toBe(128 * KIB);
    expect(offsetAt(grid, 7)).toBe(192 * KIB - 512);
    const end = detailGrid({...disk, size: 131 * KIB + 100}, 2);
    expect(dragged(end, offsetAt(end, 0), offsetAt(end, 1))).toEqual({offset: 128 * KIB, length: 3 * KIB + 100});
  });

  it('takes a whole cell when the pointer does not move', () => {
    expect(cellAt(grid, 135 * KIB)).toEqual({offset: 134 * KIB, length: 2 * KIB});
    expect(cellAt({...grid, disk: 134 * KIB + 700}, 134 * KIB)).toEqual({offset: 134 * KIB, length: 700});
  });
});

describe('keys', () => {
  const span = {offset: 135 * KIB, length: 4 * KIB};
  const press = (edge: 'start' | 'end', name: string, shift = false, of = span) => keyedSpan(of, edge, {name, shift}, grid);

  it('move an edge by a grain or a cell', () => {
    expect(press('start', 'ArrowRight')).toEqual({offset: 135.5 * KIB, length: 3.5 * KIB});
    expect(press('start', 'PageDown')).toEqual({offset: 133 * KIB, length: 6 * KIB});
    expect(press('end', 'ArrowUp')).toEqual({offset: 135 * KIB, length: 4.5 * KIB});
    expect(press('end', 'Home')).toEqual({offset: 135 * KIB, length: 512});
    expect(press('end', 'End')).toEqual({offset: 135 * KIB, length: 57 * KIB});
    expect(press('start', 'a')).toBeNull();
  });

  it('go to the next grain from between two', () => {
    const odd = {offset: 135 * KIB + 100, length: 1000};
    expect(press('start', 'ArrowRight', false, odd)?.offset).toBe(135.5 * KIB);
    expect(press('start', 'ArrowLeft', false, odd)?.offset).toBe(135 * KIB);
  });

  it('move the whole range with Shift, and no further than the disk', () => {
    expect(press('start', 'PageUp', true)).toEqual({offset: 137 * KIB, length: 4 * KIB});
    expect(shifted(span, -disk.size, disk.size).offset).toBe(0);
    expect(shifted(span, disk.size, disk.size).offset).toBe(disk.size - span.length);
  });

  it('never make a range empty or longer than the disk', () => {
    expect(withEdge(span, 'start', disk.size, grid)).toEqual({offset: 138.5 * KIB, length: 512});
    expect(withEdge({offset: 0, length: 1}, 'end', -5, grid)).toEqual({offset: 0, length: 1});
    expect(withEdge(span, 'end', 2 * disk.size, grid).length).toBe(disk.size - span.offset);
  });
});

describe('bars', () => {
  it('are shares of the row, cut where it ends', () => {
    expect(barOf(grid, {offset: 136 * KIB, length: 16 * KIB})).toEqual({left: 12.5, width: 25, before: false, after: false});
    expect(barOf(grid, {offset: 0, length: disk.size})).toEqual({left: 0, width: 100, before: true, after: true});
    expect(barOf(grid, {offset: 0, length: 128 * KIB})).toBeNull();
  });
});

describe('the first range', () => {
  it('begins in the middle of something, on the disk', () => {
    expect(firstSpan(disk)).toEqual({offset: 7 * KIB, length: 4 * KIB});
    expect(firstSpan(plain)).toEqual({offset: 16 * KIB, length: 160 * KIB});
    expect(firstSpan({...plain, size: 512})).toEqual({offset: 0, length: 512});
  });
});

describe('numbers', () => {
  it.each([
    ['64K', 65536],
    ['0x1c00', 7168],
    ['1.5 MiB', 1572864],
    ['1,048,576', 1048576],
    ['2G', 2 ** 31],
    ['512 bytes', 512],
    ['0', 0],
  ])('%s is %i', (text, value) => expect(parseSize(text)).toBe(value));

  it.each(['', '-1', '0x', '1.3', '64Q', '1e3', '9999999999T', 'K'])('%s is none', (text) => expect(parseSize(text)).toBeNull());

  it('are written as they are read', () => {
    for (const bytes of [1, 512, 1536, 65536, 1 << 20, 3 * 2 ** 40]) {
      expect(parseSize(sizeText(bytes))).toBe(bytes);
    }
    expect([sizeText(65536), sizeText(1536), sizeText(0)]).toEqual(['64K', '1536', '0']);
  });

  it('of a byte end at 255', () => {
    expect([parseByte('0x5a'), parseByte('255'), parseByte('256'), parseByte('x')]).toEqual([90, 255, null, null]);
  });
});
