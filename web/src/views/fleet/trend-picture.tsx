import {plural} from '../../base/units';
import type {Point} from '../../model/fleet';

const WIDTH = 6;
const HEIGHT = 18;

/** The last checks as bars, the oldest first: what is worse is higher, and of another pattern. Beside it stands the trend in words. */
export function TrendPicture({points}: {points: readonly Point[]}) {
  return (
    <svg
      class="trend"
      role="img"
      aria-label={points.map(words).join(', then ')}
      width={points.length * (WIDTH + 2)}
      height={HEIGHT}
      viewBox={`0 0 ${points.length * (WIDTH + 2)} ${HEIGHT}`}
    >
      {points.map((point, i) => {
        const height = heightOf(point);
        return <rect key={i} class={kindOf(point)} x={i * (WIDTH + 2) + 0.5} y={HEIGHT - height} width={WIDTH} height={height} />;
      })}
    </svg>
  );
}

function kindOf(point: Point): string {
  const exit = point['exit-code'];
  return exit === 0 ? 'clean' : exit === 3 ? 'leaks' : exit === 2 ? 'corrupt' : 'unknown';
}

/** In steps of ten times as many. */
function heightOf({corruptions, leaks, 'exit-code': exit}: Point): number {
  const count = corruptions + leaks;
  return exit === 0 ? 3 : exit === 1 || exit === 63 ? HEIGHT - 1 : Math.min(HEIGHT - 1, 6 + 3 * Math.log10(1 + count));
}

function words(point: Point): string {
  const date = point.checked.slice(0, 10);
  switch (kindOf(point)) {
    case 'clean':
      return `${date} clean`;
    case 'unknown':
      return `${date} not checkable`;
    default:
      return `${date} ${plural(point.corruptions, 'corruption')} and ${plural(point.leaks, 'leak')}`;
  }
}
