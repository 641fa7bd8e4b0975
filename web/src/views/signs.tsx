import {SEVERITY_FACTS} from '../model/severity';
import type {Severity} from '../model/severity';
import {SEVERITY_SHAPES, SHAPE_SIZE} from '../model/shapes';

/** The shape of a severity. Beside its word, so it says nothing to a screen reader. */
export function SeveritySign({severity}: {severity: Severity}) {
  return (
    <svg class={`sign ${severity}`} viewBox={`0 0 ${SHAPE_SIZE} ${SHAPE_SIZE}`} aria-hidden="true">
      <path d={SEVERITY_SHAPES[severity]} fill-rule="evenodd" />
    </svg>
  );
}

/** Shape and word of a severity. */
export function SeverityTag({severity}: {severity: Severity}) {
  return (
    <span class={`severity ${severity}`}>
      <SeveritySign severity={severity} />
      {SEVERITY_FACTS[severity].word}
    </span>
  );
}

const ICONS = {
  help: 'M6 6a2 2 0 1 1 2.7 1.9c-.5.2-.7.6-.7 1.1v.4M8 11.5v.6',
  light: 'M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  dark: 'M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z',
  auto: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 2v12',
  back: 'M10 3 5 8l5 5',
  forward: 'm6 3 5 5-5 5',
  close: 'm4 4 8 8m0-8-8 8',
  link: 'M6.5 9.5l3-3M7 4.5l1.3-1.3a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.3 1.3a2.8 2.8 0 0 1-4-4L5 7.5',
  commands: 'M2.5 4h11M2.5 8h7M2.5 12h9M12 10.5l2 1.5-2 1.5',
  computer: 'M2 3h12v8H2zM6 14h4M8 11v3',
  shield: 'M8 1.5 13.5 4v4c0 3.2-2.2 5.4-5.5 6.5C4.7 13.4 2.5 11.2 2.5 8V4z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
} as const;

export function Icon({name}: {name: keyof typeof ICONS}) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

/** The page's sign: clusters, one of them broken. */
export function Logo() {
  const cells = ['refcount', 'mapping', 'active', 'active', 'broken', 'active', 'active', 'active', 'free'];
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      {cells.map((kind, i) => {
        const [x, y] = [2 + (i % 3) * 10, 2 + Math.floor(i / 3) * 10];
        return kind === 'broken' ? (
          <path key={i} class="broken" d={`m${x + 1.5} ${y + 1.5} 5 5m0-5-5 5`} />
        ) : (
          <rect key={i} class={kind} x={x} y={y} width="8" height="8" rx="1.5" />
        );
      })}
    </svg>
  );
}
