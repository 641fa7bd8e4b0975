import type {Part} from '../model/segments';

const ZERO_BLOCK = 1 << 20;

/** The repaired image as a Blob of ranges of the file and bytes of the patch: it holds no bytes of the file. */
export function blobOf(parts: Part[], file: Blob, patch: Uint8Array<ArrayBuffer>): Blob {
  const pieces: BlobPart[] = parts.map((part) => {
    switch (part.from) {
      case 'file':
        return file.slice(part.start, part.start + part.length);
      case 'patch':
        return patch.subarray(part.start, part.start + part.length);
      case 'zeros':
        return zeros(part.length);
    }
  });
  return new Blob(pieces, {type: 'application/octet-stream'});
}

/** So many zeros, as a Blob that doubles itself: a cut-off image may miss more than memory could hold. */
export function zeros(length: number): Blob {
  if (length <= ZERO_BLOCK) {
    return new Blob([new Uint8Array(length)]);
  }
  const half = Math.floor(length / 2);
  const part = zeros(half);
  return new Blob([part, part, new Uint8Array(length - 2 * half)]);
}
