const PER_LINE = 16;

/** Bytes, two hex digits each, as lines with their offset and as text. */
export function hexLines(digits: string, offset: number): string[] {
  const bytes = digits.match(/../g) ?? [];
  return Array.from({length: Math.ceil(bytes.length / PER_LINE)}, (_, line) => {
    const part = bytes.slice(line * PER_LINE, (line + 1) * PER_LINE);
    const at = (offset + line * PER_LINE).toString(16).padStart(12, '0');
    return `${at}  ${part.join(' ').padEnd(3 * PER_LINE - 1)}  ${part.map(letterOf).join('')}`;
  });
}

function letterOf(byte: string): string {
  const code = parseInt(byte, 16);
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '\u00b7';
}
