import {expect, it, vi} from 'vitest';
import {FROM_PATCH, ZEROS} from '../protocol/ops';
import type {Segments} from '../protocol/ops';
import {BlobSink, FileSink, GzipSink} from './sinks';
import type {Sink} from './sinks';

/** A piece of bytes and, where there is a number, zeros. */
function piece(...parts: (string | number)[]): Segments {
  const text = new TextEncoder().encode(parts.filter((part) => typeof part === 'string').join(''));
  return {
    starts: Float64Array.from(parts, (part) => (typeof part === 'string' ? FROM_PATCH : ZEROS)),
    lengths: Float64Array.from(parts, (part) => (typeof part === 'string' ? part.length : part)),
    patch: text,
  };
}

async function filled(sink: Sink, ...pieces: Segments[]): Promise<Blob> {
  for (const one of pieces) {
    await sink.write(one);
  }
  return sink.close();
}

it('makes a Blob of bytes and zeros', async () => {
  const blob = await filled(new BlobSink('text/plain'), piece('ab', 3), piece(2, 'c'), piece());
  expect(await blob.text()).toBe('ab\0\0\0\0\0c');
  expect(blob.type).toBe('text/plain');
});

it('compresses what gunzip gives back', async () => {
  const blob = await filled(new GzipSink('application/gzip'), piece('ab'), piece('c'));
  const plain = await new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).text();
  expect(plain).toBe('abc');
});

/** A place that notes what is written where. */
function place(fail = false) {
  const writes: [number, string][] = [];
  const target = {
    write: vi.fn(({position, data}: {position: number; data: Uint8Array}) => {
      writes.push([position, new TextDecoder().decode(data)]);
      return fail ? Promise.reject(new Error('full')) : Promise.resolve();
    }),
    truncate: vi.fn(() => Promise.resolve()),
    close: vi.fn(() => Promise.resolve()),
    abort: vi.fn(() => Promise.reject(new Error('no matter'))),
  };
  const file = new File(['saved'], 'copy.qcow2');
  const handle = {createWritable: () => Promise.resolve(target), getFile: () => Promise.resolve(file)};
  return {handle: handle as unknown as FileSystemFileHandle, target, writes, file};
}

it('writes bytes where they belong and leaves holes', async () => {
  const {handle, target, writes, file} = place();
  expect(await filled(await FileSink.to(handle), piece('ab', 100), piece(50, 'c', 7))).toBe(file);
  expect(writes).toEqual([
    [0, 'ab'],
    [152, 'c'],
  ]);
  expect(target.truncate).toHaveBeenCalledWith(160);
  expect(target.close).toHaveBeenCalledOnce();
});

it('says when a write fails, and can then be given up', async () => {
  const {handle, target} = place(true);
  const sink = await FileSink.to(handle);
  await expect(sink.write(piece('ab'))).rejects.toThrow('full');
  await sink.abort();
  expect(target.abort).toHaveBeenCalledOnce();
  expect(target.close).not.toHaveBeenCalled();
});
