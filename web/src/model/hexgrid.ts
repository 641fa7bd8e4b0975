/** Offsets in the hex grid: bigints, since a file may have 2^63 bytes. */

/** How many rows of so many bytes a file takes. */
export function rowCount(size: bigint, perRow: number): bigint {
  return (size + BigInt(perRow) - 1n) / BigInt(perRow);
}

/** How many hex digits all offsets of a file are written with: 12, or more if it is that long. */
export function offsetDigits(size: bigint): number {
  return Math.max(12, (size > 0n ? size - 1n : 0n).toString(16).length);
}

export function hexOf(offset: bigint): string {
  return `0x${offset.toString(16)}`;
}

/** The offset that the core sent, null for "". */
export function offsetOf(hex: string): bigint | null {
  return /^0x[0-9a-f]{1,16}$/.test(hex) ? BigInt(hex) : null;
}

const LIMIT = 1n << 63n;
const UNITS = new Map([
  ['', 0n],
  ['k', 10n],
  ['m', 20n],
  ['g', 30n],
  ['t', 40n],
]);

/** The offset that a user typed: `0x1c0000`, `1835008`, `1792K`; null if it is none. */
export function parseHexOffset(text: string): bigint | null {
  const parts = /^(0x[0-9a-f]+|\d+)([kmgt]?)(?:i?b)?$/.exec(text.trim().replaceAll(/[_,\s]/g, '').toLowerCase());
  const shift = UNITS.get(parts?.[2] ?? '');
  if (parts?.[1] === undefined || shift === undefined || (parts[1].startsWith('0x') && shift > 0n)) {
    return null;
  }
  const offset = BigInt(parts[1]) << shift;
  return offset < LIMIT ? offset : null;
}

/** What a key moves the cursor to. */
export type Move = 'left' | 'right' | 'up' | 'down' | 'rowStart' | 'rowEnd' | 'pageUp' | 'pageDown' | 'start' | 'end';

const MOVES: Record<string, Move> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'rowStart',
  End: 'rowEnd',
  PageUp: 'pageUp',
  PageDown: 'pageDown',
};

/** The move of a key, null if it has none. */
export function moveOf(key: string, ctrl: boolean): Move | null {
  const move = MOVES[key] ?? null;
  if (!ctrl) {
    return move;
  }
  return move === 'rowStart' ? 'start' : move === 'rowEnd' ? 'end' : null;
}

interface GridShape {
  size: bigint;
  perRow: number;
  /** Rows that a page key moves by. */
  pageRows: number;
}

/** The cursor after a move; it stays in its column, and in the file. */
export function movedCursor(cursor: bigint, move: Move, {size, perRow, pageRows}: GridShape): bigint {
  const row = BigInt(perRow);
  const column = cursor % row;
  const last = size > 0n ? size - 1n : 0n;
  // Up and down keep the column, so that there and back is where one was.
  const vertical = (offset: bigint) => (offset < 0n ? column : offset > last ? lastInColumn(last, column, row) : offset);
  switch (move) {
    case 'left':
      return cursor > 0n ? cursor - 1n : 0n;
    case 'right':
      return cursor < last ? cursor + 1n : last;
    case 'up':
      return cursor < row ? cursor : cursor - row;
    case 'down':
      return cursor + row > last ? cursor : cursor + row;
    case 'rowStart':
      return cursor - column;
    case 'rowEnd':
      return smaller(cursor - column + row - 1n, last);
    case 'pageUp':
      return vertical(cursor - row * BigInt(pageRows));
    case 'pageDown':
      return vertical(cursor + row * BigInt(pageRows));
    case 'start':
      return 0n;
    case 'end':
      return last;
  }
}

function lastInColumn(last: bigint, column: bigint, row: bigint): bigint {
  const offset = last - (last % row) + column;
  return offset <= last ? offset : offset >= row ? offset - row : last;
}

export function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** What stands for a byte in the text column. */
export function letterOf(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '\u00b7';
}

export function byteText(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** The bytes of a string of hex digits. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({length: hex.length >> 1}, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
