import {expect, it} from 'vitest';
import {blobOf} from './blob';

it('puts file, patch and zeros together in order', async () => {
  const file = new Blob([Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7])]);
  const blob = blobOf(
    [
      {from: 'file', start: 0, length: 2},
      {from: 'patch', start: 1, length: 2},
      {from: 'file', start: 4, length: 3},
      {from: 'zeros', start: 0, length: 3},
    ],
    file,
    Uint8Array.from([90, 91, 92]),
  );
  expect([...new Uint8Array(await blob.arrayBuffer())]).toEqual([0, 1, 91, 92, 4, 5, 6, 0, 0, 0]);
});

it.each([1, (1 << 20) + 1, (1 << 22) + 3])('makes exactly %d zeros', async (length) => {
  const blob = blobOf([{from: 'zeros', start: 0, length}], new Blob([]), new Uint8Array());
  expect(blob.size).toBe(length);
  expect(new Uint8Array(await blob.arrayBuffer()).every((byte) => byte === 0)).toBe(true);
});
