import {describe, expect, it} from 'vitest';
import {formatBytes, formatDecimalBytes, formatHex, formatShare, parseOffset, plural} from './units';

describe('sizes', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [1023, '1,023 bytes'],
    [1024, '1 KiB'],
    [65536, '64 KiB'],
    [1023 * 1024, '0.999 MiB'],
    [1.5 * 2 ** 30, '1.5 GiB'],
    [2 ** 40, '1 TiB'],
    [2 ** 63, '8 EiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('keeps what is not a number of bytes', () => {
    expect(formatDecimalBytes('18446744073709551615')).toBe('16 EiB');
    expect(formatDecimalBytes('-1')).toBe('-1');
  });

  it('counts one thing as one thing', () => {
    expect(plural(1, 'cluster')).toBe('1 cluster');
    expect(plural(1024, 'cluster')).toBe('1,024 clusters');
    expect(plural(2, 'entry', 'entries')).toBe('2 entries');
  });
});

describe('offsets', () => {
  it('are read back as they are written', () => {
    expect(parseOffset(formatHex(0x1c0000))).toBe(0x1c0000);
    expect(parseOffset(' 0x4_0000_0000 ')).toBe(2 ** 34);
    expect(parseOffset('1835008')).toBe(1835008);
  });

  it.each(['', 'zz', '-5', '0x', '1.5', '0xffffffffffffffff'])('%o is none', (text) => {
    expect(parseOffset(text)).toBeNull();
  });
});

describe('shares', () => {
  it('never round something to nothing, or a part to the whole', () => {
    expect(formatShare(0, 10)).toBe('0 %');
    expect(formatShare(1, 10_000_000)).toBe('< 0.1 %');
    expect(formatShare(9_999_999, 10_000_000)).toBe('> 99.9 %');
    expect(formatShare(1, 3)).toBe('33.3 %');
    expect(formatShare(10, 10)).toBe('100 %');
    expect(formatShare(0, 0)).toBe('0 %');
  });
});
