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
