import {expect, it} from 'vitest';
import {readRanges} from './reader';

const file = new Blob([Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7])]);
const scattered = [
  {start: 6, end: 8},
  {start: 1, end: 2},
];
const numbers = (bytes: ArrayBuffer) => [...new Uint8Array(bytes)];

it('reads ranges one after the other', async () => {
  expect(numbers(await readRanges(file, scattered))).toEqual([6, 7, 1]);
  expect(numbers(await readRanges(file, scattered.slice(1)))).toEqual([1]);
});
