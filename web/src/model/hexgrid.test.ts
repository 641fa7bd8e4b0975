import {describe, expect, it} from 'vitest';
import {bytesOf, hexOf, letterOf, movedCursor, moveOf, offsetDigits, offsetOf, parseHexOffset, rowCount} from './hexgrid';
import type {Move} from './hexgrid';

const TOP = 1n << 63n;

it.each([
  [0n, 0n, 12],
  [1n, 1n, 12],
  [16n, 1n, 12],
  [17n, 2n, 12],
  [1n << 48n, 1n << 44n, 12],
  [(1n << 48n) + 1n, (1n << 44n) + 1n, 13],
  [(1n << 53n) + 1n, (1n << 49n) + 1n, 14],
  [TOP, 1n << 59n, 16],
])('a file of %s bytes has %s rows and offsets of %s digits', (size, rows, digits) => {
  expect(rowCount(size, 16)).toBe(rows);
  expect(offsetDigits(size)).toBe(digits);
});

it.each([
  ['0x1c0000', 0x1c0000n],
  [' 0X1C_0000 ', 0x1c0000n],
  ['1,835,008', 1835008n],
  ['64K', 65536n],
  ['64 KiB', 65536n],
  ['2G', 1n << 31n],
  ['9007199254740993', 9007199254740993n],
  ['0x7fffffffffffffff', TOP - 1n],
])('%s is an offset', (text, offset) => {
  expect(parseHexOffset(text)).toBe(offset);
  expect(offsetOf(hexOf(offset))).toBe(offset);
});

it.each(['', '0x', 'x', '-1', '1.5', '0x8000000000000000', '9e9', '0x10K', '8388608T', '12 apples'])('%o is none', (text) => {
  expect(parseHexOffset(text)).toBeNull();
});

it('the core sends hex or nothing', () => {
  expect([offsetOf(''), offsetOf('0x'), offsetOf('12'), offsetOf('0x0')]).toEqual([null, null, null, 0n]);
});

describe('the cursor', () => {
  const shape = {size: 100n, perRow: 16, pageRows: 3};
  it.each<[Move, bigint, bigint]>([
    ['left', 0n, 0n],
    ['left', 17n, 16n],
    ['right', 15n, 16n],
    ['right', 99n, 99n],
    ['up', 5n, 5n],
    ['up', 37n, 21n],
    ['down', 5n, 21n],
    ['down', 90n, 90n],
    ['rowStart', 37n, 32n],
    ['rowEnd', 37n, 47n],
    ['rowEnd', 97n, 99n],
    ['pageUp', 50n, 2n],
    ['pageUp', 20n, 4n],
    ['pageDown', 20n, 68n],
    ['pageDown', 70n, 86n],
    ['pageDown', 97n, 97n],
    ['start', 70n, 0n],
    ['end', 70n, 99n],
  ])('%s from %s is at %s', (move, from, to) => {
    expect(movedCursor(from, move, shape)).toBe(to);
  });

  it('stays exact where doubles do not', () => {
    const large = {...shape, size: TOP};
    const odd = (1n << 53n) + 1n;
    expect(movedCursor(odd, 'right', large)).toBe(odd + 1n);
    expect(movedCursor(odd, 'down', large)).toBe(odd + 16n);
    expect(movedCursor(0n, 'end', large)).toBe(TOP - 1n);
    expect(movedCursor(TOP - 1n, 'right', large)).toBe(TOP - 1n);
    expect(movedCursor(TOP - 1n, 'pageDown', large)).toBe(TOP - 1n);
  });

  it.each<Move>(['left', 'right', 'up', 'down', 'rowStart', 'rowEnd', 'pageUp', 'pageDown', 'start', 'end'])(
    '%s never leaves the file',
    (move) => {
      for (let size = 0n; size < 70n; size++) {
        for (let from = 0n; from < size; from++) {
          const to = movedCursor(from, move, {size, perRow: 8, pageRows: 2});
          expect(to >= 0n && to < size).toBe(true);
        }
      }
    },
  );
});

it('keys move it, with Ctrl to the ends', () => {
  expect([moveOf('ArrowUp', false), moveOf('Home', false), moveOf('Home', true), moveOf('End', true)]).toEqual([
    'up',
    'rowStart',
    'start',
    'end',
  ]);
  expect([moveOf('ArrowUp', true), moveOf('a', false)]).toEqual([null, null]);
});

it('bytes cross as digits and are shown as letters where they are some', () => {
  expect([...bytesOf('00ff7e')]).toEqual([0, 255, 126]);
  expect(bytesOf('')).toHaveLength(0);
  expect([0, 0x41, 0x7e, 0x7f, 0xff].map(letterOf).join('')).toBe('\u00b7A~\u00b7\u00b7');
});
