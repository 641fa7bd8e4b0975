import type {Info, Progress, Verdict} from '../protocol/protocol.gen';

/** The fixed set of results of a check. */
const VERDICT_STATES = ['healthy', 'wasteful', 'unclean', 'newer', 'damaged', 'data-missing', 'unreadable'] as const;

type VerdictState = (typeof VERDICT_STATES)[number];

/** How a verdict is to be taken; decides colour and shape of its sign. */
export type Tone = 'calm' | 'mild' | 'careful' | 'newer' | 'grave';

/** A verdict in two or three words, for the badge. */
const VERDICT_FACTS: Record<VerdictState, {label: string; tone: Tone}> = {
  healthy: {label: 'No inconsistency found', tone: 'calm'},
  wasteful: {label: 'Wasted space only', tone: 'mild'},
  unclean: {label: 'Not closed cleanly', tone: 'careful'},
  newer: {label: 'Made by a newer program', tone: 'newer'},
  damaged: {label: 'Damaged', tone: 'grave'},
  'data-missing': {label: 'Damaged, data missing', tone: 'grave'},
  unreadable: {label: 'Could not be read', tone: 'grave'},
};

function verdictState(verdict: Verdict): VerdictState {
  return VERDICT_STATES.find((state) => state === verdict.state) ?? 'unreadable';
}

export function verdictLabel(verdict: Verdict): string {
  if (verdict.incomplete) {
    return 'Check not finished';
  }
  const {label} = VERDICT_FACTS[verdictState(verdict)];
  return verdictState(verdict) === 'damaged' && verdict.repairable ? `${label}, repairable` : label;
}

/** How a verdict is to be taken. A check that did not end says nothing about the image. */
export function toneOf(verdict: Verdict): Tone {
  return isStopped(verdict) ? 'careful' : VERDICT_FACTS[verdictState(verdict)].tone;
}

/** The check ended before it found out anything: only the header is known. */
export function knowsNothing(verdict: Verdict): boolean {
  return verdict.incomplete && verdict.groups.length === 0 && verdict.usage.length === 0;
}

/** What the check says in one sentence. One that was stopped says so, instead of blaming the file. */
export function headlineOf(verdict: Verdict): string {
  return isStopped(verdict) ? 'The check was stopped before it was finished.' : verdict.headline;
}

/** What to do now. */
export function adviceOf(verdict: Verdict): string {
  return isStopped(verdict) && verdict.groups.length > 0
    ? 'What was found until then is shown below. Check again for the rest.'
    : verdict.advice;
}

function isStopped(verdict: Verdict): boolean {
  return verdict.incomplete && verdict.problem.kind === 'cancelled';
}

/**
 * What is known after a check that had to be ended by force: the header and a number. The core's own words for a
 * check that stopped in time are better; this is for when it did not answer.
 */
export function stoppedVerdict(info: Info, progress: Progress | null): Verdict {
  const seen = progress?.findings ?? 0;
  return {
    state: 'unreadable',
    headline: '',
    advice:
      seen > 0
        ? `${seen} findings had been seen by then. Check again to learn what they are.`
        : 'Nothing had been found by then; that says little. Check again to be sure.',
    corruptions: 0,
    leaks: 0,
    checkErrors: 0,
    exitCode: 1,
    totalClusters: 0,
    allocated: 0,
    fragmented: 0,
    compressed: 0,
    imageEnd: info.fileSize,
    repairable: false,
    applied: false,
    streams: -1,
    incomplete: true,
    problem: {kind: 'cancelled', title: 'Stopped, as you asked.', where: '', advice: '', detail: ''},
    groups: [],
    usage: [],
    info,
  };
}

/** What the numbers of `qemu-img check` mean, one sentence each, the largest trouble first. */
export const EXIT_CODES: Record<number, string> = {
  0: 'qemu-img would find nothing wrong.',
  1: 'qemu-img could not finish its check.',
  2: 'qemu-img would report corruption.',
  3: 'qemu-img would report leaked clusters only.',
  63: 'qemu-img cannot check this format.',
};
