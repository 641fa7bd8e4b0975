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

/**
 * Lets a helper read what has many ranges. Chromium makes each slice in a call to another process that blocks the
 * thread: where the core runs, that would be time lost for the core. After the helper's end all is read here, also
 * what it was asked for before.
 */
export function readWithHelper(file: Blob, helper: ReadRanges, ended: Promise<unknown>): ReadRanges {
  let alive = true;
  void ended.then(() => (alive = false));
  return (ranges) =>
    ranges.length > 1 && alive
      ? Promise.race([helper(ranges), ended.then(() => readRanges(file, ranges))])
      : readRanges(file, ranges);
}
