import {expect, it, vi} from 'vitest';
import {DONE, FileHost, LIMITS, UNREADABLE} from './host';
import {readRanges} from './reader';
import type {Range} from './reader';

const BYTES = Uint8Array.from({length: 1000}, (_, i) => i % 251);

/** A core's memory in which a list of ranges is written at 0; the bytes go where the ranges say. */
function memoryWith(ranges: {offset: number; pointer: number; length: number}[]): ArrayBuffer {
  const memory = new ArrayBuffer(65536);
  const view = new DataView(memory);
  for (const [i, range] of ranges.entries()) {
    view.setFloat64(i * 16, range.offset, true);
    view.setUint32(i * 16 + 8, range.pointer, true);
    view.setUint32(i * 16 + 12, range.length, true);
  }
  return memory;
}

/** Reads the ranges and returns the memory and what the core was told. */
async function read(file: Blob, ranges: {offset: number; pointer: number; length: number}[], calls = 1) {
  const memory = memoryWith(ranges);
  const told: [number, number][] = [];
  const host = new FileHost(
    file.size,
    (wanted) => readRanges(file, wanted),
    () => memory,
    (id, code) => told.push([id, code]),
  );
  for (let id = 1; id <= calls; id++) {
    host.start(id, 0, ranges.length);
  }
  expect(told).toEqual([]);
  await vi.waitFor(() => {
    expect(told).toHaveLength(calls);
  });
  return {memory, told};
}

it('puts every range where it belongs', async () => {
  const ranges = [
    {offset: 700, pointer: 5000, length: 50},
    {offset: 3, pointer: 4000, length: 9},
    {offset: 10, pointer: 6000, length: 100},
  ];
  const {memory, told} = await read(new Blob([BYTES]), ranges);
  expect(told).toEqual([[1, DONE]]);
  for (const {offset, pointer, length} of ranges) {
    expect(new Uint8Array(memory, pointer, length)).toEqual(BYTES.subarray(offset, offset + length));
  }
});

it('leaves alone what lies past the end of the file', async () => {
  const {memory, told} = await read(new Blob([BYTES]), [
    {offset: 990, pointer: 4000, length: 20},
    {offset: 2 ** 41, pointer: 5000, length: 20},
  ]);
  expect(told).toEqual([[1, DONE]]);
  expect(new Uint8Array(memory, 4000, 10)).toEqual(BYTES.subarray(990));
  expect(new Uint8Array(memory, 4010, 10).every((byte) => byte === 0)).toBe(true);
  expect(new Uint8Array(memory, 5000, 20).every((byte) => byte === 0)).toBe(true);
});

it('answers a call for nothing', async () => {
  expect((await read(new Blob([BYTES]), [])).told).toEqual([[1, DONE]]);
});

it('gathers far ranges of several calls into one request', async () => {
  const far = {size: 2 ** 30, slice: (from: number, to: number) => new Blob([BYTES.subarray(0, to - from)])};
  const requests = vi.spyOn(Blob.prototype, 'arrayBuffer');
  const ranges = Array.from({length: 8}, (_, i) => ({offset: i * 2 ** 25, pointer: 4000 + i * 16, length: 16}));
  const {told} = await read(far as Blob, ranges, 3);
  expect(told.toSorted()).toEqual([
    [1, DONE],
    [2, DONE],
    [3, DONE],
  ]);
  expect(requests).toHaveBeenCalledTimes(1);
  requests.mockRestore();
});

it('keeps at most four requests in flight', async () => {
  const waiting: (() => void)[] = [];
  const read = (ranges: readonly Range[]) =>
    new Promise<ArrayBuffer>((resolve) => {
      const bytes = ranges.reduce((sum, {start, end}) => sum + end - start, 0);
      waiting.push(() => resolve(new ArrayBuffer(bytes)));
    });
  const memory = memoryWith([{offset: 0, pointer: 4000, length: 9000}]);
  const host = new FileHost(2 ** 40, read, () => memory, vi.fn());
  for (let id = 0; id < 6 * LIMITS.runs; id++) {
    host.start(id, 0, 1);
  }
  await vi.waitFor(() => {
    expect(waiting).toHaveLength(4);
  });
  waiting[0]?.();
  await vi.waitFor(() => {
    expect(waiting).toHaveLength(5);
  });
});

it('says when the file can no longer be read, once for each call', async () => {
  const gone = {
    size: 1000,
    slice: () => ({arrayBuffer: () => Promise.reject(new DOMException('changed', 'NotReadableError'))}),
  };
  const {told} = await read(gone as unknown as Blob, [{offset: 0, pointer: 4000, length: 8}]);
  expect(told).toEqual([[1, UNREADABLE]]);
});
