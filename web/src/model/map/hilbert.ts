/**
 * The Hilbert curve that fills a square of 2^bits by 2^bits cells, beginning in its upper left and ending in its upper
 * right corner. A run of 4^k cells that begins at a multiple of 4^k fills a square of 2^k by 2^k, so that the curve
 * through squares is the same curve: zooming in never moves anything.
 */

/**
 * How the curve runs in a square, compared with the whole: from corner to corner the other way round, or mirrored at
 * the diagonal. Both together are the fourth way that there is.
 */
export interface Turn {
  flip: boolean;
  swap: boolean;
}

export const NO_TURN: Turn = {flip: false, swap: false};

/** The quarter of a square in which a bit of x and one of y lie: its number on the curve, and how the curve runs in it. */
function quarter(turn: Turn, right: boolean, low: boolean): {digit: number; turn: Turn} {
  const [x, y] = turned(turn, right, low);
  const digit = x ? (y ? 2 : 3) : y ? 1 : 0;
  return {digit, turn: inside(turn, x, y)};
}

/** Its own inverse, since flipping and swapping are and do not mind their order. */
function turned({flip, swap}: Turn, x: boolean, y: boolean): [boolean, boolean] {
  const [a, b] = flip ? [!x, !y] : [x, y];
  return swap ? [b, a] : [a, b];
}

function inside(turn: Turn, x: boolean, y: boolean): Turn {
  return y ? turn : {flip: turn.flip !== x, swap: !turn.swap};
}

/** The number of a cell on the curve. Exact up to 26 bits. */
export function hilbertIndex(bits: number, x: number, y: number): number {
  return walk(bits, x, y).index;
}

/** How the curve runs in a cell, were it cut into smaller ones. */
export function turnAt(bits: number, x: number, y: number): Turn {
  return walk(bits, x, y).turn;
}

function walk(bits: number, x: number, y: number): {index: number; turn: Turn} {
  let index = 0;
  let turn = NO_TURN;
  for (let bit = 2 ** (bits - 1); bit >= 1; bit /= 2) {
    const next = quarter(turn, (x & bit) !== 0, (y & bit) !== 0);
    index = index * 4 + next.digit;
    turn = next.turn;
  }
  return {index, turn};
}

/** The cell of a number on the curve. */
export function hilbertPoint(bits: number, index: number): {x: number; y: number} {
  let x = 0;
  let y = 0;
  let turn = NO_TURN;
  for (let size = 4 ** (bits - 1); size >= 1; size /= 4) {
    const digit = Math.floor(index / size) % 4;
    const [right, low] = [digit >= 2, digit === 1 || digit === 2];
    const [bitX, bitY] = turned(turn, right, low);
    x = x * 2 + (bitX ? 1 : 0);
    y = y * 2 + (bitY ? 1 : 0);
    turn = inside(turn, right, low);
  }
  return {x, y};
}
