import {formatCount, plural} from '../base/units';
import {CrashOutcomes} from '../protocol/protocol.gen';
import type {CrashFlight, CrashOutcome, CrashSide} from '../protocol/protocol.gen';

/** Numbers of a state as they come from the core: see CrashJudgeRequest. */
const NUMBERS = 5;

/** Each outcome has a word and a shape: never only a colour. Broken ones fill their place, safe ones do not. */
export const OUTCOME_FACTS: Record<CrashOutcome, {word: string; safe: boolean; meaning: string}> = {
  old: {word: 'Old image', safe: true, meaning: 'the image as it was before'},
  new: {word: 'New image', safe: true, meaning: 'the image with the whole change'},
  between: {word: 'Between', safe: true, meaning: 'a part of the change, and nothing broken by it'},
  worse: {word: 'New damage', safe: false, meaning: 'damage that was there neither before nor after'},
  'other-bytes': {word: 'Wrong bytes', safe: false, meaning: 'the guest reads what was never written'},
  'does-not-open': {word: 'Does not open', safe: false, meaning: 'no program opens the image any more'},
};

/** What was found out about a state. */
interface JudgedState {
  flight: number;
  landed: number;
  torn: number;
  outcome: CrashOutcome;
  leaks: number;
}

const NO_COUNTS: Record<CrashOutcome, number> = {old: 0, new: 0, between: 0, worse: 0, 'other-bytes': 0, 'does-not-open': 0};

/** The verdicts of one side, as far as they are known. */
export class Judged {
  private constructor(
    readonly states: number,
    readonly known: number,
    readonly counts: Readonly<Record<CrashOutcome, number>>,
    /** Those of states that are not known yet are no numbers. */
    private readonly numbers: Float64Array,
    private readonly order: Uint32Array,
  ) {}

  static none(states: number): Judged {
    return new Judged(states, 0, NO_COUNTS, new Float64Array(states * NUMBERS).fill(Number.NaN), spread(states));
  }

  /** The states to be judged next. */
  next(count: number): number[] {
    return [...this.order.subarray(this.known, this.known + count)];
  }

  /** With verdicts of the first of the states that `next` gave. The numbers are shared: what is known stays so. */
  with(numbers: Float64Array): Judged {
    const counts = {...this.counts};
    let known = this.known;
    for (let at = 0; at + NUMBERS <= numbers.length; at += NUMBERS) {
      const state = this.order[known];
      if (state === undefined) {
        break;
      }
      this.numbers.set(numbers.subarray(at, at + NUMBERS), state * NUMBERS);
      known++;
      counts[outcomeAt(numbers[at + 3])]++;
    }
    return new Judged(this.states, known, counts, this.numbers, this.order);
  }

  get done(): boolean {
    return this.known === this.states;
  }

  get broken(): number {
    const {worse, 'other-bytes': bytes, 'does-not-open': closed} = this.counts;
    return worse + bytes + closed;
  }

  state(index: number): JudgedState | null {
    const [flight, landed, torn, outcome, leaks] = this.numbers.subarray(index * NUMBERS, (index + 1) * NUMBERS);
    return flight === undefined || landed === undefined || torn === undefined || leaks === undefined || Number.isNaN(flight)
      ? null
      : {flight, landed, torn, outcome: outcomeAt(outcome), leaks};
  }

  /** The next state after `from` in a direction that is broken; null if none is known. */
  nextBroken(from: number, step: 1 | -1): number | null {
    for (let i = from + step; i >= 0 && i < this.states; i += step) {
      const state = this.state(i);
      if (state !== null && !OUTCOME_FACTS[state.outcome].safe) {
        return i;
      }
    }
    return null;
  }
}

function outcomeAt(index: number | undefined): CrashOutcome {
  return CrashOutcomes[index ?? -1] ?? 'does-not-open';
}

/** All numbers below n, each early part of them spread over all: what is known so far is a fair sample. */
function spread(n: number): Uint32Array {
  let step = Math.max(1, Math.round(n * 0.618));
  while (divisor(step, n) > 1) {
    step++;
  }
  return Uint32Array.from({length: n}, (_, i) => (i * step) % n);
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** `In flight 2: 1 of 4 sectors has landed`. */
export function stateText(side: CrashSide, index: number, judged: Judged): string {
  const state = judged.state(index);
  const flight = side.flights.find(({first, end}) => first <= index && index < end);
  const place = `Crash point ${formatCount(index + 1)} of ${formatCount(side.states)}`;
  if (flight === undefined) {
    return `${place}: everything has landed`;
  }
  const which = `in flight ${side.flights.indexOf(flight) + 1}`;
  return state === null ? `${place}, ${which}` : `${place}, ${which}: ${landedText(state, flight)}`;
}

export function landedText({landed, torn}: Pick<JudgedState, 'landed' | 'torn'>, {sectors}: CrashFlight): string {
  const tears = torn === 0 ? '' : `, ${plural(torn, 'write')} torn`;
  return landed === 0 ? 'nothing of it has landed' : `${formatCount(landed)} of ${plural(sectors, 'sector')} landed${tears}`;
}

/** What a flight writes, for its heading. */
export function flightTitle({kind}: CrashFlight, redirected: boolean): string {
  switch (kind) {
    case 'header':
      return redirected ? 'The switch: one header sector' : 'The header';
    case 'free':
      return 'To free clusters';
    case 'late':
      return 'What nobody refers to any more';
    default:
      return 'Over what is there';
  }
}

/** How many crash points there can be, and how many of them are looked at. */
export function sampleText({all, first, end, sectors}: CrashFlight): string {
  const shown = formatCount(end - first);
  if (all) {
    return end - first === 1 ? 'the one crash point there can be' : `all ${shown} crash points that there can be`;
  }
  const digits = Math.floor(sectors * Math.log10(2));
  const there = sectors <= 30 ? formatCount(2 ** sectors - 1) : `more than 10${superscript(digits)}`;
  return `a sample of ${shown} crash points, there can be ${there}`;
}

function superscript(n: number): string {
  return Array.from(String(n), (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? '').join('');
}
