import type {Progress} from '../protocol/protocol.gen';

/** The passes of a check in their order, in the words of the progress line. */
export const PHASES = [
  {phase: 'header', label: 'Header'},
  {phase: 'snapshots', label: 'Snapshots'},
  {phase: 'tables', label: 'Tables'},
  {phase: 'refcounts', label: 'Refcounts'},
  {phase: 'compare', label: 'Compare'},
  {phase: 'flags', label: 'Flags'},
  {phase: 'findings', label: 'Findings'},
  {phase: 'streams', label: 'Compressed data'},
] as const;

/** The passes of the running check: only a deep one decodes compressed data, at its end. */
export function passesOf(progress: Progress | null): readonly (typeof PHASES)[number][] {
  return PHASES.filter(({phase}) => phase !== 'streams' || progress?.phase === 'streams');
}

/** How far the pass is that a report is about, from 0 to 1; null if its end is not known. */
export function phaseShare(progress: Progress): number | null {
  return progress.total > 0 ? Math.min(1, Math.max(0, progress.done / progress.total)) : null;
}

/** The index of the running pass, -1 before the first. */
export function phaseIndex(progress: Progress | null): number {
  return PHASES.findIndex(({phase}) => phase === progress?.phase);
}
