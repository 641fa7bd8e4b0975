import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {isSameVersion, LONGEST, readRemote} from './remote';

const size = 10 * LONGEST;
const image = {name: 'disk.qcow2', size, url: 'https://host/api/images/disk.qcow2/content', etag: 'v1', token: 'secret token'};

/** The bytes of the image from an offset on. */
function bytesAt(offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    bytes[i] = ((offset + i) * 7 + ((offset + i) >> 13)) % 251;
  }
  return bytes;
}

const asked: {method: string; range: string}[] = [];
/** What the server answers first, before it gives bytes. */
let first: Response[] = [];

beforeEach(() => {
  asked.length = 0;
  first = [];
  vi.stubGlobal('fetch', (url: string, {method, headers}: {method: string; headers: Record<string, string>}) => {
    expect(url).toBe(image.url);
    expect(headers).toMatchObject({authorization: 'Bearer secret token', 'if-match': '"v1"'});
    const range = headers['range'] ?? '';
    asked.push({method, range});
    const [start = 0, end = 0] = range.slice('bytes='.length).split('-').map(Number);
    const bytes = bytesAt(start, end - start + 1);
    return Promise.resolve(first.shift() ?? new Response(method === 'HEAD' ? null : bytes, {status: method === 'HEAD' ? 200 : 206}));
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('reads ranges, each in requests that the server takes', async () => {
  const ranges = [
    {start: 5, end: 9},
    {start: 1000, end: 1000 + LONGEST + 10},
  ];
  const got = new Uint8Array(await readRemote(image, ranges));
  const want = ranges.map(({start, end}) => bytesAt(start, end - start));
  expect(Buffer.compare(got, Buffer.concat(want))).toBe(0);
  expect(asked.map(({range}) => range)).toEqual(['bytes=5-8', `bytes=1000-${999 + LONGEST}`, `bytes=${1000 + LONGEST}-${1009 + LONGEST}`]);
});

it.each([404, 409, 412])('another version is a file that cannot be read any more: %i', async (status) => {
  first = [new Response('', {status})];
  await expect(readRemote(image, [{start: 0, end: 1}])).rejects.toMatchObject({name: 'NotReadableError'});
  first = [new Response(null, {status})];
  expect(await isSameVersion(image)).toBe(false);
  expect(await isSameVersion(image)).toBe(true);
});

it('waits when it asks too often, as long as the server says', async () => {
  vi.useFakeTimers();
  first = [new Response('', {status: 429, headers: {'retry-after': '7'}}), new Response('', {status: 503})];
  const read = readRemote(image, [{start: 0, end: 4}]);
  await vi.advanceTimersByTimeAsync(6900);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(2100);
  expect((await read).byteLength).toBe(4);
});

it('takes nothing else for bytes', async () => {
  first = [new Response('short', {status: 206})];
  await expect(readRemote(image, [{start: 0, end: 100}])).rejects.toThrow('other bytes');
  first = [new Response('all of it', {status: 200})];
  await expect(readRemote(image, [{start: 0, end: 9}])).rejects.toThrow('200');
});
