import {expect, it} from 'vitest';
import {stripRuns} from './dirtystrip';

it('joins cells that look alike', () => {
  expect(stripRuns(new Uint8Array([0, 255, 255, 1, 31, 0, 0, 128]))).toEqual([
    {from: 1, cells: 2, step: 4},
    {from: 3, cells: 2, step: 1},
    {from: 7, cells: 1, step: 3},
  ]);
  expect(stripRuns(new Uint8Array(8))).toEqual([]);
});
