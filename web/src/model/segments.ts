import {FROM_PATCH, ZEROS} from '../protocol/ops';
import type {Segments} from '../protocol/ops';

/** A run of the repaired image: bytes of the original file, of the patch, or zeros. */
export interface Part {
  from: 'file' | 'patch' | 'zeros';
  /** Where in the file or the patch; 0 for zeros. */
  start: number;
  length: number;
}

/**
 * The parts of the repaired image in order, neighbours joined.
 * Throws if a part would lie outside the file or the patch: then the two do not belong together.
 */
export function partsOf(segments: Segments, fileSize: number): Part[] {
  const parts: Part[] = [];
  let inPatch = 0;
  for (const [i, begin] of segments.starts.entries()) {
    const length = segments.lengths[i] ?? 0;
    const part = partAt(begin, inPatch, length);
    if (part.from === 'patch') {
      inPatch += length;
    }
    checkBounds(part, part.from === 'file' ? fileSize : segments.patch.length);
    append(parts, part);
  }
  if (inPatch !== segments.patch.length) {
    throw new Error(`segments use ${inPatch} of ${segments.patch.length} patch bytes`);
  }
  return parts;
}

function partAt(begin: number, inPatch: number, length: number): Part {
  switch (begin) {
    case FROM_PATCH:
      return {from: 'patch', start: inPatch, length};
    case ZEROS:
      return {from: 'zeros', start: 0, length};
    default:
      return {from: 'file', start: begin, length};
  }
}

function checkBounds(part: Part, available: number): void {
  const whole = Number.isSafeInteger(part.start) && Number.isSafeInteger(part.length);
  const inside = part.from === 'zeros' || part.start + part.length <= available;
  if (!whole || part.start < 0 || part.length < 0 || !inside) {
    throw new Error(`segment of ${part.length} bytes at ${part.start} is outside the ${part.from}`);
  }
}

function append(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  if (part.length === 0) {
    return;
  }
  if (last?.from === part.from && (part.from === 'zeros' || last.start + last.length === part.start)) {
    last.length += part.length;
    return;
  }
  parts.push(part);
}

/** The size of the image that the parts make up. */
export function sizeOf(parts: Part[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
