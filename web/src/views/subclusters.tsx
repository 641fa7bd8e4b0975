import {formatBytes, plural} from '../base/units';

/** How a subcluster's state is drawn and said. */
const STATES: Record<string, {letter: string; text: string}> = {
  allocated: {letter: 'A', text: 'allocated'},
  zero: {letter: '0', text: 'reads as zeros'},
  unallocated: {letter: '', text: 'not allocated'},
  invalid: {letter: '!', text: 'invalid: both allocated and zero'},
};

/** The 32 subclusters of a cluster with an extended L2 entry. */
export function Subclusters({states, clusterSize}: {states: readonly string[]; clusterSize: number}) {
  const counts = new Map<string, number>();
  for (const state of states) {
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const summary = [...counts].map(([state, count]) => `${count} ${STATES[state]?.text ?? state}`).join(', ');
  return (
    <>
      <h4>
        {plural(states.length, 'subcluster')} of {formatBytes(clusterSize / states.length)}
      </h4>
      <div class="subclusters" role="img" aria-label={summary}>
        {states.map((state, i) => (
          <span key={i} class={state} title={`Subcluster ${i}: ${STATES[state]?.text ?? state}`}>
            {STATES[state]?.letter ?? '?'}
          </span>
        ))}
      </div>
      <p class="muted">{summary}</p>
    </>
  );
}
