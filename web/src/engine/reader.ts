/** A range of the file, the end not included. */
export interface Range {
  start: number;
  end: number;
}

/** Reads ranges of a file into one buffer, one after the other. */
export type ReadRanges = (ranges: readonly Range[]) => Promise<ArrayBuffer>;

/** One request to the browser, whatever the number of ranges: a Blob of slices is read as a whole. */
export function readRanges(file: Blob, ranges: readonly Range[]): Promise<ArrayBuffer> {
  const slices = ranges.map(({start, end}) => file.slice(start, end));
  const [only] = slices;
  return slices.length === 1 && only !== undefined ? only.arrayBuffer() : new Blob(slices).arrayBuffer();
}
