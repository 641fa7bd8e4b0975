/** A run of cells of a strip that look alike. */
interface StripRun {
  from: number;
  cells: number;
  /** How dirty they are: 1 a little, 4 all of it. */
  step: 1 | 2 | 3 | 4;
}

/** What the strip of a bitmap shows, cell after cell: runs of dirty ones. */
export function stripRuns(strip: Uint8Array): StripRun[] {
  const runs: StripRun[] = [];
  strip.forEach((value, i) => {
    const step = stepOf(value);
    if (step === 0) {
      return;
    }
    const last = runs.at(-1);
    if (last?.step === step && last.from + last.cells === i) {
      last.cells++;
    } else {
      runs.push({from: i, cells: 1, step});
    }
  });
  return runs;
}

function stepOf(value: number): 0 | 1 | 2 | 3 | 4 {
  if (value === 0) {
    return 0;
  }
  return value === 255 ? 4 : value >= 128 ? 3 : value >= 32 ? 2 : 1;
}
