import {describe, expect, it} from 'vitest';
import {hostOffset, parseTarget, targetWords} from './target';

describe('a place that was typed', () => {
  it.each([
    ['0x30000', 'byte 0x30000'],
    ['  196608 ', 'byte 0x30000'],
    ['192K', 'byte 0x30000'],
    ['192 KiB', 'byte 0x30000'],
    ['byte 0x30', 'byte 0x30'],
    ['h48', 'byte 0x30'],
    ['0x7fffffffffffffff', 'byte 0x7fffffffffffffff'],
    ['cluster 5', 'cluster 5'],
    ['Host cluster 1,024', 'cluster 1024'],
    ['c5', 'cluster 5'],
    ['#16777216', 'cluster 16777216'],
    ['guest 1M', 'guest 0x100000'],
    ['G0x100000', 'guest 0x100000'],
    ['disk 5', 'guest 0x5'],
  ])('%j is %s', (text, words) => {
    const target = parseTarget(text);
    expect(target && targetWords(target)).toBe(words);
  });

  it.each(['', 'guest', 'cluster', 'cluster 0x5x', 'c', '#', '-1', '0x8000000000000000', 'guest l1', 'repair', '0xg', 'c99999999999999999999'])(
    '%j is none',
    (text) => {
      expect(parseTarget(text)).toBeNull();
    },
  );
});

it('a cluster begins at a multiple of the cluster size', () => {
  expect(hostOffset({space: 'cluster', cluster: 1n << 40n}, 65536)).toBe(1n << 56n);
  expect(hostOffset({space: 'host', offset: 7n}, 65536)).toBe(7n);
});
