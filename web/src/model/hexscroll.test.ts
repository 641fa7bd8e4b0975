import {describe, expect, it} from 'vitest';
import {rowsInView, scrollAt, scrolled, settledTop, showing, TALLEST, trackOf, TRUE_END} from './hexscroll';
import type {Scroll, Track} from './hexscroll';

const VIEW = 520;
const ROW = 26;

/** Files of all sizes: rows of 16 bytes and of 8, up to the last byte that an offset can name. */
const sizes = [0n, 1n, 19n, 20n, 21n, 307_692n, 307_693n, 1n << 20n, (1n << 53n) / 16n, (1n << 53n) / 16n + 1n, (1n << 63n) / 16n, (1n << 63n) / 8n];

const tracks = sizes.map((rows) => [String(rows), trackOf(rows, ROW, VIEW)] as const);

function bottom(track: Track, at: Scroll): {row: bigint; px: number} {
  const below = at.px + track.view;
  return {row: at.row + BigInt(Math.floor(below / track.rowHeight)), px: below % track.rowHeight};
}

describe.each(tracks)('%s rows', (_, track) => {
  const last = Math.max(0, track.height - track.view);

  it('are a box that a browser can make', () => {
    expect(track.height).toBeLessThanOrEqual(TALLEST);
    expect(track.squeezed).toBe(track.rows * BigInt(ROW) > BigInt(TALLEST));
  });

  it('begin at the upper end of the box and end at the lower', () => {
    expect(scrollAt(track, 0n)).toEqual({row: 0n, px: 0, top: 0});
    const end = scrollAt(track, track.rows);
    expect(end.top).toBe(last);
    if (track.rows * BigInt(ROW) > BigInt(VIEW)) {
      expect(bottom(track, end)).toEqual({row: track.rows, px: 0});
    }
    expect(scrolled(track, scrollAt(track, 0n), last)).toEqual(end);
    expect(scrolled(track, end, 0)).toEqual({row: 0n, px: 0, top: 0});
  });

  it('go on in one order along the whole box', () => {
    let before: Scroll = {row: -1n, px: 0, top: 0};
    for (let i = 0; i <= 400; i++) {
      const top = Math.round((last * i) / 400);
      const at = scrolled(track, {row: 0n, px: 0, top: -1e9}, top);
      expect(at.row).toBeGreaterThanOrEqual(before.row);
      expect(at.row).toBeLessThanOrEqual(track.rows);
      expect(at.px).toBeGreaterThanOrEqual(0);
      expect(at.px).toBeLessThan(ROW);
      before = at;
    }
  });

  it('are found again: a place has a scrollTop, which stands for the place', () => {
    for (const part of [0n, 1n, 7n, 333n, 500n, 777n, 999n, 1000n]) {
      const at = scrollAt(track, (track.rows * part) / 1000n);
      expect(at.top).toBeGreaterThanOrEqual(0);
      expect(at.top).toBeLessThanOrEqual(last);
      expect(settledTop(track, at)).toBe(at.top);
      const again = scrolled(track, {row: 0n, px: 0, top: -1e9}, Math.round(at.top));
      // A pixel of the squeezed part stands for so many rows.
      const off = again.row > at.row ? again.row - at.row : at.row - again.row;
      expect(off).toBeLessThanOrEqual(track.rows / BigInt(TALLEST - 3 * TRUE_END) + 1n);
    }
  });
});

describe.each(tracks.filter(([, track]) => track.squeezed))('a wheel in %s rows', (_, track) => {
  it.each([0n, 10n, 500n, 999n])('moves by its pixels from %s/1000 on, down and up', (part) => {
    const from = scrollAt(track, (track.rows * part) / 1000n);
    let at = from;
    for (let i = 0; i < 300; i++) {
      at = scrolled(track, at, at.top + 100);
    }
    const pixels = Number(at.row - from.row) * ROW + at.px - from.px;
    const left = Number(track.rows - from.row) * ROW - from.px - VIEW;
    expect(pixels).toBe(Math.min(30_000, left));
    if (left < 30_000) {
      return; // it came to the end
    }
    for (let i = 0; i < 300; i++) {
      at = scrolled(track, at, at.top - 100);
    }
    expect({row: at.row, px: at.px}).toEqual({row: from.row, px: from.px});
  });

  it('has room to go on once the box rests', () => {
    const at = scrollAt(track, track.rows / 2n);
    expect(at.top).toBeGreaterThan(TRUE_END / 2);
    expect(at.top).toBeLessThan(track.height - TRUE_END / 2);
  });

  it('reaches the first and the last row', () => {
    let at = scrollAt(track, 30n);
    for (let i = 0; i < 40; i++) {
      at = scrolled(track, at, Math.max(0, at.top - 100));
    }
    expect(at).toEqual({row: 0n, px: 0, top: 0});
    const end = track.height - track.view;
    at = scrollAt(track, track.rows - 60n);
    for (let i = 0; i < 40; i++) {
      at = scrolled(track, at, Math.min(end, at.top + 100));
    }
    expect(at).toEqual(scrollAt(track, track.rows));
  });
});

describe('a row', () => {
  const track = trackOf((1n << 63n) / 16n, ROW, VIEW);
  const seen = (at: Scroll, row: bigint) => row >= at.row && !(row === at.row && at.px > 0) && row < at.row + BigInt(rowsInView(track));

  it.each([0n, 1n, 20n, 21n, 1n << 49n, (1n << 59n) - 1n])('%s is brought into sight', (row) => {
    for (const from of [0n, 5n, 1n << 40n, 1n << 58n]) {
      expect(seen(showing(track, scrollAt(track, from, 3), row), row)).toBe(true);
    }
  });

  it('that is in sight moves nothing, and the next one moves by one', () => {
    const from = scrollAt(track, 1n << 50n);
    expect(showing(track, from, (1n << 50n) + 19n)).toBe(from);
    expect(showing(track, from, (1n << 50n) + 20n).row).toBe((1n << 50n) + 1n);
    expect(showing(track, from, (1n << 50n) - 1n).row).toBe((1n << 50n) - 1n);
  });
});
