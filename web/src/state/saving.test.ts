// @vitest-environment happy-dom
import {afterEach, expect, it, vi} from 'vitest';
import {askPlace, streamTo} from './saving';

const original = {file: new File(['original'], 'disk.qcow2', {lastModified: 1000}), handle: null};

afterEach(() => {
  vi.restoreAllMocks();
  Reflect.deleteProperty(window, 'showSaveFilePicker');
});

/** A place to save to that notes what is written. */
function place(there: File) {
  const chunks: Uint8Array[] = [];
  const createWritable = vi.fn(() =>
    Promise.resolve(new WritableStream<Uint8Array>({write: (chunk) => void chunks.push(chunk)})),
  );
  const handle = {getFile: () => Promise.resolve(there), createWritable} as unknown as FileSystemFileHandle;
  return {handle, createWritable, text: () => chunks.map((chunk) => new TextDecoder().decode(chunk)).join('')};
}

/** A dialog that is closed after so many milliseconds. */
function dialogClosedAfter(ms: number): void {
  vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(ms);
  window.showSaveFilePicker = () => Promise.reject(new DOMException('closed', 'AbortError'));
}

it('downloads where there is no dialog', async () => {
  expect(await askPlace('x')).toBe('none');
});

it('downloads where dialogs are refused', async () => {
  dialogClosedAfter(5);
  expect(await askPlace('x')).toBe('none');
  window.showSaveFilePicker = () => Promise.reject(new DOMException('policy', 'SecurityError'));
  expect(await askPlace('x')).toBe('none');
});

it('does nothing when the user says no', async () => {
  dialogClosedAfter(900);
  expect(await askPlace('x')).toBeNull();
});

it('writes all of it and says how far it is', async () => {
  const {handle, text} = place(new File([], 'copy.qcow2'));
  const written: number[] = [];
  const saved = await streamTo(handle, new Blob(['abc', 'def']), original, (n) => written.push(n), new AbortController().signal);
  expect(saved.ok).toBe(true);
  expect(text()).toBe('abcdef');
  expect(written.at(-1)).toBe(6);
});

it('never writes over the file that was opened', async () => {
  const {handle, createWritable} = place(new File(['original'], 'disk.qcow2', {lastModified: 1000}));
  const saved = await streamTo(handle, new Blob(['abc']), original, () => undefined, new AbortController().signal);
  expect(saved).toMatchObject({ok: false, error: {kind: 'save', where: 'disk.qcow2'}});
  expect(createWritable).not.toHaveBeenCalled();
});

it('says that it was stopped', async () => {
  const {handle} = place(new File([], 'copy.qcow2'));
  const stop = new AbortController();
  stop.abort();
  const saved = await streamTo(handle, new Blob(['abc']), original, () => undefined, stop.signal);
  expect(saved).toMatchObject({ok: false, error: {kind: 'cancelled'}});
});
