import {failure, ok} from '../base/result';
import type {Result} from '../base/result';
import type {Problem} from '../protocol/protocol.gen';

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
  original: File,
  onWritten: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Result<File, Problem>> {
  try {
    if (await isOriginal(place, original)) {
      return failure(overOriginal(original.name));
    }
    const target = await place.createWritable();
    await blob.stream().pipeThrough(counting(onWritten)).pipeTo(target, {signal});
    return ok(await place.getFile());
  } catch (error) {
    return failure(notSaved(error));
  }
}

/** The browser does not tell paths, but no other file has the same name, size and time. */
async function isOriginal(place: FileSystemFileHandle, original: File): Promise<boolean> {
  const there = await place.getFile();
  return there.name === original.name && there.size === original.size && there.lastModified === original.lastModified;
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

function overOriginal(name: string): Problem {
  return {
    kind: 'save',
    title: 'That is the file you opened. It is the only copy of your data, so it is not overwritten.',
    where: name,
    advice: 'Save under another name, check the copy, and keep the original until the virtual machine runs.',
    detail: '',
  };
}

function notSaved(error: unknown): Problem {
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
    title: 'The repaired image could not be saved.',
    where: '',
    advice:
      'Look whether the disk has room for the whole image, and whether the original can still be read. ' +
      'The repair is still here: try again, or choose another place.',
    detail: String(error),
  };
}
