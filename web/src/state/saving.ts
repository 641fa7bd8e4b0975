import {failure, ok} from '../base/result';
import type {Result} from '../base/result';
import {isRemote} from '../engine/remote';
import type {Problem} from '../protocol/protocol.gen';
import type {Source} from './watch';

/** Hands a Blob to the browser's own downloads. Nothing of it is read into memory. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download keeps the Blob; the address only has to live until the browser has begun.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Nobody says no this soon: then the browser has not asked, as where dialogs are not allowed. */
const SOONEST_NO_MS = 100;

/** Where the user wants the file, `none` if the browser cannot ask, null if the user said no. */
export async function askPlace(name: string): Promise<FileSystemFileHandle | 'none' | null> {
  if (window.showSaveFilePicker === undefined) {
    return 'none';
  }
  const asked = performance.now();
  try {
    return await window.showSaveFilePicker({
      suggestedName: name,
      types: [{description: 'qcow2 disk image', accept: {'application/octet-stream': ['.qcow2']}}],
    });
  } catch (error) {
    const saidNo = error instanceof DOMException && error.name === 'AbortError';
    return saidNo && performance.now() - asked > SOONEST_NO_MS ? null : 'none';
  }
}

/**
 * Writes a Blob to a place, a piece at a time. The place is only replaced when all is written, and never if it is
 * the very file that was opened.
 */
export async function streamTo(
  place: FileSystemFileHandle,
  blob: Blob,
  original: Source,
  onWritten: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Result<File, Problem>> {
  try {
    if (await isOriginal(place, original)) {
      return failure(overOriginal(original.file.name));
    }
    const target = await place.createWritable();
    await blob.stream().pipeThrough(counting(onWritten)).pipeTo(target, {signal});
    return ok(await place.getFile());
  } catch (error) {
    return failure(notSaved(error));
  }
}

/**
 * Whether the place is the very file that was opened. Where the browser cannot say, no other file has the same name, size
 * and time.
 */
export async function isOriginal(place: FileSystemFileHandle, {file, handle}: Source): Promise<boolean> {
  if (handle !== null && (await place.isSameEntry(handle))) {
    return true;
  }
  if (isRemote(file)) {
    return false;
  }
  const there = await place.getFile();
  return there.name === file.name && there.size === file.size && there.lastModified === file.lastModified;
}

/** How much room the browser sees, if it says, and if that is less than what is needed; null otherwise. */
export async function tooLittleRoom(bytes: number): Promise<number | null> {
  // Some browsers have no storage for pages at all, such as in private windows.
  const storage = navigator.storage as StorageManager | undefined;
  const {quota, usage} = (await storage?.estimate().catch(() => null)) ?? {};
  const room = quota === undefined ? Infinity : quota - (usage ?? 0);
  return room < bytes ? room : null;
}

function counting(onWritten: (bytes: number) => void): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let written = 0;
  return new TransformStream({
    transform(chunk, controller) {
      written += chunk.length;
      onWritten(written);
      controller.enqueue(chunk);
    },
  });
}

export function overOriginal(name: string): Problem {
  return {
    kind: 'save',
    title: 'That is the file you opened. It is the only copy of your data, so it is not overwritten.',
    where: name,
    advice: 'Save under another name, check the copy, and keep the original until the virtual machine runs.',
    detail: '',
  };
}

export function notSaved(error: unknown): Problem {
  if (error instanceof DOMException && error.name === 'AbortError') {
    return {
      kind: 'cancelled',
      title: 'Saving was stopped. No file was written.',
      where: '',
      advice: 'The repair is still here. You can save it at any time.',
      detail: '',
    };
  }
  return {
    kind: 'save',
    title: 'The file could not be saved.',
    where: '',
    advice:
      'Look whether the disk has room for it, and whether the original can still be read. ' +
      'The repair is still here: try again, or choose another place.',
    detail: String(error),
  };
}

/** Reports at most ten times a second. */
export function everyTenth(report: (value: number) => void): (value: number) => void {
  let next = 0;
  return (value) => {
    const now = performance.now();
    if (now >= next) {
      next = now + 100;
      report(value);
    }
  };
}
