import {expect, it, vi} from 'vitest';
import {readRanges, readWithHelper} from './reader';

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

it('leaves scattered ranges to the helper', async () => {
  const helper = vi.fn(() => Promise.resolve(Uint8Array.from([9]).buffer));
  const read = readWithHelper(file, helper, new Promise(() => undefined));
  expect(numbers(await read(scattered))).toEqual([9]);
  expect(numbers(await read(scattered.slice(1)))).toEqual([1]);
  expect(helper).toHaveBeenCalledOnce();
});

it('reads itself what the helper was asked for when it ended', async () => {
  let end: (value: unknown) => void = () => undefined;
  const helper = vi.fn(() => new Promise<ArrayBuffer>(() => undefined));
  const read = readWithHelper(file, helper, new Promise((resolve) => (end = resolve)));
  const asked = read(scattered);
  end(null);
  expect(numbers(await asked)).toEqual([6, 7, 1]);
  expect(numbers(await read(scattered))).toEqual([6, 7, 1]);
  expect(helper).toHaveBeenCalledOnce();
});
