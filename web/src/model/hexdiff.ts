/** A piece of two hex strings of bytes that is equal in both, or differs. */
interface HexPiece {
  old: string;
  new: string;
  differs: boolean;
}

const BYTE = 2;

/** Cuts old and new bytes, as hex, where they begin or cease to differ. */
export function hexPieces(oldHex: string, newHex: string): HexPiece[] {
  const pieces: HexPiece[] = [];
  for (let at = 0; at < Math.max(oldHex.length, newHex.length); at += BYTE) {
    const piece = {old: oldHex.slice(at, at + BYTE), new: newHex.slice(at, at + BYTE), differs: false};
    piece.differs = piece.old !== piece.new;
    const last = pieces.at(-1);
    if (last?.differs === piece.differs) {
      last.old += piece.old;
      last.new += piece.new;
    } else {
      pieces.push(piece);
    }
  }
  return pieces;
}

/** Bytes as hex with a space between bytes, to be read. */
export function spaced(hex: string): string {
  return hex.replaceAll(/(..)(?=.)/g, '$1 ');
}

/** Lines of a hex dump, 16 bytes each, with what can be printed of them. */
export function dumpLines(bytes: Uint8Array, offset: number): {offset: number; hex: string; text: string}[] {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    lines.push({
      offset: offset + at,
      hex: part.map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
      text: part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '\u00b7')).join(''),
    });
  }
  return lines;
}
