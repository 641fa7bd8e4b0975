import {describe, expect, it} from 'vitest';
import {hilbertIndex, hilbertPoint, turnAt} from './hilbert';

type Point = [number, number];

/**
 * The curve as Hilbert drew it: four copies of the smaller curve, the first and the last mirrored at the diagonals,
 * joined. Slow, and of another make than what it judges.
 */
function drawn(bits: number): Point[] {
  if (bits === 0) {
    return [[0, 0]];
  }
  const smaller = drawn(bits - 1);
  const half = 2 ** (bits - 1);
  return [
    ...smaller.map(([x, y]): Point => [y, x]),
    ...smaller.map(([x, y]): Point => [x, y + half]),
    ...smaller.map(([x, y]): Point => [x + half, y + half]),
    ...smaller.map(([x, y]): Point => [2 * half - 1 - y, half - 1 - x]),
  ];
}

describe.each([0, 1, 2, 3, 4, 5, 7])('the curve of %d bits', (bits) => {
  const curve = drawn(bits);

  it('is the one that is drawn', () => {
    for (const [index, [x, y]] of curve.entries()) {
      expect(hilbertPoint(bits, index)).toEqual({x, y});
      expect(hilbertIndex(bits, x, y)).toBe(index);
    }
  });

  it('goes from a cell to one beside it, and comes to all', () => {
    const seen = new Set(curve.map(([x, y]) => `${x} ${y}`));
    expect(seen.size).toBe(4 ** bits);
    for (let i = 1; i < curve.length; i++) {
      const [a, b] = [hilbertPoint(bits, i - 1), hilbertPoint(bits, i)];
      expect(Math.abs(a.x - b.x) + Math.abs(a.y - b.y)).toBe(1);
    }
  });
});

it('keeps aligned runs together as squares, at every size', () => {
  for (const level of [1, 2, 3]) {
    for (let block = 0; block < 4 ** (6 - level); block++) {
      const corner = hilbertPoint(6 - level, block);
      for (let i = 0; i < 4 ** level; i++) {
        const {x, y} = hilbertPoint(6, block * 4 ** level + i);
        expect([x >> level, y >> level]).toEqual([corner.x, corner.y]);
      }
    }
  }
});

it('is exact for planes of 2^52 cells', () => {
  for (const index of [0, 1, 2 ** 52 - 1, 2 ** 51 + 12345, 0x7_1234_5678_9abc]) {
    const {x, y} = hilbertPoint(26, index);
    expect(hilbertIndex(26, x, y)).toBe(index);
  }
});

it('tells how it runs in a part of it', () => {
  for (let x = 0; x < 8; x++) {
    for (let y = 0; y < 8; y++) {
      const {flip, swap} = turnAt(3, x, y);
      for (let i = 0; i < 64; i++) {
        const [px, py] = [i % 8, i >> 3];
        const [fx, fy] = flip ? [7 - px, 7 - py] : [px, py];
        const local = swap ? hilbertIndex(3, fy, fx) : hilbertIndex(3, fx, fy);
        expect(hilbertIndex(6, x * 8 + px, y * 8 + py)).toBe(hilbertIndex(3, x, y) * 64 + local);
      }
    }
  }
});
