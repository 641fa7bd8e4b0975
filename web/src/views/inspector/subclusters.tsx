import {formatBytes, plural} from '../../base/units';
import {STATE_FACTS, SUBCLUSTER_STATES} from '../../model/map/states';

/** The 32 subclusters of a cluster with an extended L2 entry. */
export function Subclusters({states, clusterSize}: {states: readonly string[]; clusterSize: number}) {
  const facts = states.map((state) => STATE_FACTS[SUBCLUSTER_STATES.find((known) => known === state) ?? 'none']);
  const counts = new Map<string, number>();
  for (const {text} of facts) {
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const summary = [...counts].map(([text, count]) => `${count} ${text}`).join('; ');
  return (
    <>
      <h4>
        {plural(states.length, 'subcluster')} of {formatBytes(clusterSize / states.length)}
      </h4>
      <div class="subclusters" role="img" aria-label={summary}>
        {facts.map(({letter, text, shown}, i) => (
          <span key={i} class={shown} title={`Subcluster ${i}: ${text}`}>
            {letter}
          </span>
        ))}
      </div>
      <p class="muted">{summary}</p>
    </>
  );
}
