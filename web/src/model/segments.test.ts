import {expect, it} from 'vitest';
import {partsOf, sizeOf} from './segments';

function segments(list: [number, number][], patch: number[] = []) {
  return {
    starts: Float64Array.from(list, ([start]) => start),
    lengths: Float64Array.from(list, ([, length]) => length),
    patch: Uint8Array.from(patch),
  };
}

it('takes patch bytes one after the other', () => {
  const parts = partsOf(segments([[0, 100], [-1, 2], [102, 50], [-1, 3]], [1, 2, 3, 4, 5]), 200);
  expect(parts).toEqual([
    {from: 'file', start: 0, length: 100},
    {from: 'patch', start: 0, length: 2},
    {from: 'file', start: 102, length: 50},
    {from: 'patch', start: 2, length: 3},
  ]);
  expect(sizeOf(parts)).toBe(155);
});

it('joins neighbours and drops what is empty', () => {
  const parts = partsOf(segments([[0, 10], [10, 10], [-2, 5], [-2, 5], [20, 0], [-1, 1], [-1, 1]], [7, 8]), 20);
  expect(parts).toEqual([
    {from: 'file', start: 0, length: 20},
    {from: 'zeros', start: 0, length: 10},
    {from: 'patch', start: 0, length: 2},
  ]);
});

it('works beyond 2^32', () => {
  const far = 2 ** 40;
  expect(partsOf(segments([[0, far], [far + 512, 512]]), far + 1024)).toEqual([
    {from: 'file', start: 0, length: far},
    {from: 'file', start: far + 512, length: 512},
  ]);
});

it.each([
  ['past the end of the file', segments([[10, 11]]), 20],
  ['past the end of the patch', segments([[-1, 2]], [1]), 20],
  ['before the file', segments([[-3, 2]]), 20],
  ['not a number', segments([[NaN, 2]]), 20],
  ['leaving patch bytes over', segments([[0, 2]], [1]), 20],
])('refuses segments %s', (_, wrong, size) => {
  expect(() => partsOf(wrong, size)).toThrow();
});
