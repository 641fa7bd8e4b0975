/** Where one is in the hex view, and where one came from. */
export interface HexPlace {
  /** The byte under the cursor. */
  cursor: bigint;
  back: readonly bigint[];
  forward: readonly bigint[];
  /** Whether the other side of a plan is shown, not the image as it is now. */
  other: boolean;
  /** Grows with every jump: what was jumped to is brought into sight. */
  jumps: number;
}

export const HEX_START: HexPlace = {cursor: 0n, back: [], forward: [], other: false, jumps: 0};

const REMEMBERED = 200;

/** The cursor walks: that is not remembered. */
export function walked(place: HexPlace, cursor: bigint): HexPlace {
  return place.cursor === cursor ? place : {...place, cursor};
}

/** A jump, from which one can come back. */
export function jumped(place: HexPlace, cursor: bigint): HexPlace {
  const jumps = place.jumps + 1;
  if (place.cursor === cursor) {
    return {...place, jumps};
  }
  return {...place, cursor, jumps, back: [...place.back, place.cursor].slice(-REMEMBERED), forward: []};
}

/** Back to where the last jump was made from, or forward again; the same place if there is none. */
export function stepped(place: HexPlace, step: 1 | -1): HexPlace {
  const from = step === -1 ? place.back : place.forward;
  const cursor = from.at(-1);
  if (cursor === undefined) {
    return place;
  }
  const rest = from.slice(0, -1);
  const jumps = place.jumps + 1;
  return step === -1
    ? {...place, cursor, jumps, back: rest, forward: [...place.forward, place.cursor]}
    : {...place, cursor, jumps, forward: rest, back: [...place.back, place.cursor]};
}
