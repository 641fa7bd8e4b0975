const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;
const COUNT = new Intl.NumberFormat('en');
const SHORT = new Intl.NumberFormat('en', {maximumSignificantDigits: 3});

/** A size in binary units with three significant digits: `1.38 GiB`, `512 bytes`. */
export function formatBytes(bytes: number): string {
  if (bytes === 1) {
    return '1 byte';
  }
  let unit = 0;
  let value = bytes;
  // 1023.6 KiB would round to "1,020 KiB"; the next unit says it better.
  while (Math.abs(value) >= 1000 && unit < UNITS.length - 1) {
    if (unit === 0 && Math.abs(value) < 1024) {
      break;
    }
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${COUNT.format(value)} bytes` : `${SHORT.format(value)} ${UNITS[unit]}`;
}

/** A size that may exceed 2^53, as the core sends it: decimal digits. Anything else is shown as it is. */
export function formatDecimalBytes(digits: string): string {
  return /^\d{1,20}$/.test(digits) ? formatBytes(Number(digits)) : digits;
}

export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** `1 cluster`, `2 clusters`, `1,024 clusters`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** An offset in the file as hex, lower case: `0x1c0000`. */
export function formatHex(offset: number): string {
  return `0x${offset.toString(16)}`;
}

/**
 * The number that a user typed or the core sent as hex (`0x1c0000`) or decimal (`1835008`).
 * null if it is neither, or too large to be a position in a file.
 */
export function parseOffset(text: string): number | null {
  const clean = text.trim().replaceAll(/[_,\s]/g, '');
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(clean)) {
    return null;
  }
  const value = Number(clean);
  return Number.isSafeInteger(value) ? value : null;
}

/** A share of a whole in percent, where "0 %" means nothing and "100 %" means everything. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) {
    return '0 %';
  }
  if (part >= whole) {
    return '100 %';
  }
  const percent = (100 * part) / whole;
  if (percent < 0.1) {
    return '< 0.1 %';
  }
  return percent > 99.9 ? '> 99.9 %' : `${SHORT.format(percent)} %`;
}
