import {expect, it} from 'vitest';
import {dumpLines, hexPieces, spaced} from './hexdiff';

it('cuts where bytes begin and cease to differ', () => {
  expect(hexPieces('0000a1b2ff', '0000a2b3ff')).toEqual([
    {old: '0000', new: '0000', differs: false},
    {old: 'a1b2', new: 'a2b3', differs: true},
    {old: 'ff', new: 'ff', differs: false},
  ]);
});

it('compares bytes, not digits', () => {
  expect(hexPieces('10', '20')).toEqual([{old: '10', new: '20', differs: true}]);
});

it('shows bytes that were not there before', () => {
  expect(hexPieces('', 'ab')).toEqual([{old: '', new: 'ab', differs: true}]);
});

it('puts spaces between bytes', () => {
  expect(spaced('0000a1b2')).toBe('00 00 a1 b2');
  expect(spaced('')).toBe('');
});

it('dumps bytes with what can be printed', () => {
  const lines = dumpLines(Uint8Array.from([0x51, 0x46, 0x49, 0xfb, ...Array<number>(13).fill(0)]), 0x10000);
  expect(lines).toEqual([
    {offset: 0x10000, hex: `51 46 49 fb${' 00'.repeat(12)}`, text: `QFI${'\u00b7'.repeat(13)}`},
    {offset: 0x10010, hex: '00', text: '\u00b7'},
  ]);
});
