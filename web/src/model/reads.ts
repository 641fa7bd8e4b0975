/** A range of the file that the core wants, and where in its memory the bytes go. */
export interface Wanted {
  offset: number;
  pointer: number;
  length: number;
}

/** A range of the file that is read as one, with all that is wanted of it. */
export interface Run {
  start: number;
  end: number;
  wanted: Wanted[];
}

/** Limits of one read request to the browser. */
export interface ReadLimits {
  /** A gap up to this long is read along: cheaper than another range. */
  gap: number;
  /** A run is not made longer than this by joining. */
  run: number;
  /** How many runs one request gathers. */
  runs: number;
  /** How many bytes one request gathers, unless a single run is longer. */
  bytes: number;
}

/** Joins neighbouring ranges to runs, in the order of the file. What lies past the end of the file is left out. */
export function joinRuns(wanted: Wanted[], fileSize: number, limits: ReadLimits): Run[] {
  const runs: Run[] = [];
  for (const range of wanted.toSorted((a, b) => a.offset - b.offset)) {
    const end = Math.min(range.offset + range.length, fileSize);
    if (end <= range.offset) {
      continue;
    }
    const last = runs.at(-1);
    if (last !== undefined && range.offset - last.end <= limits.gap && end - last.start <= limits.run) {
      last.end = Math.max(last.end, end);
      last.wanted.push(range);
    } else {
      runs.push({start: range.offset, end, wanted: [range]});
    }
  }
  return runs;
}

/** How many of the first runs of a queue make up the next request: at least one, if there is one. */
export function requestLength(queue: Run[], limits: ReadLimits): number {
  let bytes = 0;
  for (const [i, run] of queue.entries()) {
    bytes += run.end - run.start;
    if (i > 0 && (i === limits.runs || bytes > limits.bytes)) {
      return i;
    }
  }
  return queue.length;
}
