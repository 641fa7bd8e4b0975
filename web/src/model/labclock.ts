import type {LabAct, Trace} from './labtrace';

/** A step of a short trace is shown so long, in seconds. */
const LONGEST = 1.1;
/** A long trace is played in about this time. */
const WHOLE = 24;
/** What changes the course is shown at least so long, at any speed. */
const PAUSES: Partial<Record<LabAct, number>> = {
  'switch-header': 1.6,
  'grow-table': 0.7,
  'free-table': 0.7,
  'end-walk': 0.7,
  'place-table': 0.5,
  'grow-old-table': 0.7,
};
/** If they are many, they take no more of the time than this together. */
const MOST_PAUSING = 8;

export const SPEEDS = [0.5, 1, 2, 4] as const;

/** Where the playing is: at a step, and for how many seconds. */
export interface Position {
  step: number;
  since: number;
}

/** How long each step is shown at the speed 1. */
export class Clock {
  private readonly each: number;
  private readonly pausing: number;

  constructor(private readonly trace: Trace) {
    this.each = Math.min(LONGEST, WHOLE / Math.max(1, trace.length));
    let sum = 0;
    for (let i = 0; i < trace.length; i++) {
      sum += PAUSES[trace.act(i)] ?? 0;
    }
    this.pausing = Math.min(1, MOST_PAUSING / Math.max(MOST_PAUSING, sum));
  }

  seconds(step: number): number {
    return Math.max(this.each, (PAUSES[this.trace.act(step)] ?? 0) * this.pausing);
  }

  /** Where the playing is after so much time; at the last step it ends. */
  after({step, since}: Position, seconds: number): Position {
    let left = since + seconds;
    let at = step;
    while (at < this.trace.length - 1) {
      const shown = this.seconds(Math.max(0, at));
      if (left < shown) {
        return {step: at, since: left};
      }
      left -= shown;
      at++;
    }
    return {step: at, since: 0};
  }
}

/** The first step of the stage before or after; of the one that a step is in, when going back from its middle. */
export function stageFrom(trace: Trace, step: number, by: 1 | -1): number {
  const firsts = trace.frame.stages.map(({first}) => first);
  if (by === 1) {
    return firsts.find((first) => first > step) ?? trace.length - 1;
  }
  return firsts.findLast((first) => first < step) ?? -1;
}
