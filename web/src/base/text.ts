/** A piece of text from an image: as it is, or the name of a character that could not be seen or would mislead. */
interface TextPiece {
  text: string;
  control: boolean;
}

// Control characters, and characters that change the direction or the joining of the text around them.
const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029\p{Co}\p{Cs}]/u;

/** Cuts text that an image holds into pieces that are safe to show: nothing in it stays invisible. */
export function visiblePieces(text: string): TextPiece[] {
  const pieces: TextPiece[] = [];
  for (const char of text) {
    const control = HIDDEN.test(char);
    const last = pieces.at(-1);
    if (!control && last !== undefined && !last.control) {
      last.text += char;
    } else {
      pieces.push({text: control ? nameOf(char) : char, control});
    }
  }
  return pieces;
}

/** The same as one string, for attributes and file names. */
export function visibleText(text: string): string {
  return visiblePieces(text)
    .map((piece) => piece.text)
    .join('');
}

function nameOf(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  // The block "Control Pictures" has a picture for each C0 control.
  if (code < 0x20) {
    return String.fromCodePoint(0x2400 + code);
  }
  return code === 0x7f ? '\u2421' : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

/** A phrase as a sentence: its first letter large. */
export function asSentence(phrase: string): string {
  return phrase.slice(0, 1).toUpperCase() + phrase.slice(1);
}
