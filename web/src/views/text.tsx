import {visiblePieces} from '../base/text';

/**
 * Text from an image or a file name. It may be anything: it is kept apart from the direction of the text around it,
 * and characters that could not be seen are named.
 */
export function ImageText({text}: {text: string}) {
  return (
    <bdi class="image-text">
      {visiblePieces(text).map((piece, i) =>
        piece.control ? (
          <span key={i} class="control" title="a character that is not visible">
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  );
}

/** An offset or another number of the format, as the core sends it. */
export function Hex({text}: {text: string}) {
  return <span class="mono">{text}</span>;
}

/** Words, and the number that they are about; nothing where there is none. */
export function WithHex({words, text}: {words: string; text: string}) {
  return text === '' ? null : (
    <>
      {words}
      <Hex text={text} />
    </>
  );
}

/** What the core says in its own words. What it puts between backticks is to be typed or found in a file. */
export function Prose({text}: {text: string}) {
  return (
    <>
      {text.split('`').map((part, i) =>
        i % 2 === 1 ? (
          <code key={i}>
            <ImageText text={part} />
          </code>
        ) : (
          <ImageText key={i} text={part} />
        ),
      )}
    </>
  );
}
