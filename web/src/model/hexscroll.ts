/**
 * The scroll box of a view with more rows than a browser can make an element tall (about 17 million pixels in the
 * strictest). The box is as tall as its rows if it can be. If not, both of its ends are true to scale, and the middle is
 * squeezed: there a drag of the bar moves by far more than the pixels that it passes, while a wheel still moves by its
 * pixels. Rows are bigints, since a file may have 2^63 bytes.
 */
export interface Track {
  rows: bigint;
  /** Pixels. */
  rowHeight: number;
  /** Height of what is seen, pixels. */
  view: number;
  /** Height of the box's content, pixels. */
  height: number;
  squeezed: boolean;
}

/** What is seen: the first row, of which `px` pixels are above the edge, and the box's scrollTop that stands for it. */
export interface Scroll {
  row: bigint;
  px: number;
  top: number;
}

/** The tallest box, and how much of it at either end is true to scale. */
export const TALLEST = 8_000_000;
export const TRUE_END = 1_000_000;

/** A scroll by more than this many views is one of the bar, not of a wheel. */
const WHEEL_VIEWS = 3;

export function trackOf(rows: bigint, rowHeight: number, view: number): Track {
  const squeezed = rows > BigInt(Math.floor(TALLEST / rowHeight));
  return {rows, rowHeight, view, height: squeezed ? TALLEST : Number(rows) * rowHeight, squeezed};
}

/** How many rows can be seen at a time, the last of them in part. */
export function rowsInView(track: Track): number {
  return Math.max(1, Math.ceil(track.view / track.rowHeight));
}

const START: Scroll = {row: 0n, px: 0, top: 0};

/** The lowest place: the last row stands at the lower edge. */
function end(track: Track): Scroll {
  const seen = rowsInView(track);
  if (track.rows <= BigInt(Math.floor(track.view / track.rowHeight))) {
    return START;
  }
  return {row: track.rows - BigInt(seen), px: seen * track.rowHeight - track.view, top: lastTop(track)};
}

function lastTop(track: Track): number {
  return Math.max(0, track.height - track.view);
}

/** Pixels from a place to another below it; Infinity if that is farther than a number can be trusted with. */
function distance(track: Track, from: {row: bigint; px: number}, to: {row: bigint; px: number}): number {
  const rows = to.row - from.row;
  return rows > 1n << 40n ? Infinity : Number(rows) * track.rowHeight + to.px - from.px;
}

/** The place at a row, with the scrollTop that stands for it. A row too far down becomes the last place. */
export function scrollAt(track: Track, row: bigint, px = 0): Scroll {
  const last = end(track);
  const at = {row: row < 0n ? 0n : row, px: row < 0n ? 0 : px};
  if (at.row > last.row || (at.row === last.row && at.px >= last.px)) {
    return last;
  }
  const fromStart = distance(track, START, at);
  if (!track.squeezed || fromStart <= TRUE_END) {
    return {...at, top: fromStart};
  }
  const toEnd = distance(track, at, last);
  if (toEnd <= TRUE_END) {
    return {...at, top: last.top - toEnd};
  }
  const {first, rows, pixels} = middle(track);
  return {...at, top: TRUE_END + Number(((at.row - first) * BigInt(pixels)) / rows)};
}

/** The squeezed part: its first row, how many rows it has, and on how many pixels they lie. */
function middle(track: Track): {first: bigint; rows: bigint; pixels: number} {
  const first = BigInt(Math.floor(TRUE_END / track.rowHeight));
  const last = end(track).row - first;
  return {first, rows: last > first ? last - first : 1n, pixels: Math.max(1, Math.floor(lastTop(track)) - 2 * TRUE_END)};
}

/** The place that a scrollTop stands for. */
function placeAt(track: Track, top: number): Scroll {
  if (!track.squeezed || top <= TRUE_END) {
    return moved(track, START, Math.max(0, top));
  }
  const last = end(track);
  if (top >= last.top - TRUE_END) {
    return moved(track, last, Math.min(0, top - last.top));
  }
  const {first, rows, pixels} = middle(track);
  return {row: first + (rows * BigInt(Math.round(top - TRUE_END))) / BigInt(pixels), px: 0, top};
}

/** A place moved by pixels, within the ends. */
function moved(track: Track, from: Scroll, pixels: number): Scroll {
  const total = from.px + pixels;
  const rows = Math.floor(total / track.rowHeight);
  return scrollAt(track, from.row + BigInt(rows), total - rows * track.rowHeight);
}

/** What is seen after the box was scrolled to `top`. The scrollTop stays as it is: see `settledTop`. */
export function scrolled(track: Track, from: Scroll, top: number): Scroll {
  const pixels = top - from.top;
  const wheel = Math.abs(pixels) <= WHEEL_VIEWS * track.view && top > 0 && top < lastTop(track);
  const next = track.squeezed && wheel ? moved(track, from, pixels) : placeAt(track, top);
  return {...next, top};
}

/** The scrollTop that the box should have once it rests, so that there is room to scroll on. */
export function settledTop(track: Track, at: Scroll): number {
  return scrollAt(track, at.row, at.px).top;
}

/** The place from which the row can be seen, with some rows around it when it was out of sight. */
export function showing(track: Track, from: Scroll, row: bigint): Scroll {
  const whole = Math.max(1, Math.floor(track.view / track.rowHeight));
  // The first row that is seen whole, and the one after the last.
  const first = from.px > 0 ? from.row + 1n : from.row;
  const after = from.row + BigInt(Math.max(1, Math.floor((track.view + from.px) / track.rowHeight)));
  if (row >= first && row < after) {
    return from;
  }
  if (row === first - 1n) {
    return scrollAt(track, row);
  }
  if (row === after) {
    return scrollAt(track, row - BigInt(whole) + 1n);
  }
  return scrollAt(track, row - BigInt(Math.floor(whole / 3)));
}
