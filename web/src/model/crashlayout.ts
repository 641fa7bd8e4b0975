import {OUTCOME_FACTS} from './crash';
import type {Judged} from './crash';
import type {CrashOutcome} from '../protocol/protocol.gen';

/** The states of one flight, or those with everything on the disk: a box of cells, filled column by column. */
interface CrashBox {
  x: number;
  width: number;
  first: number;
  end: number;
}

/** Where the states of a side are drawn, in pixels. Time goes from left to right. */
export interface CrashLayout {
  cell: number;
  rows: number;
  width: number;
  height: number;
  /** Between two boxes. */
  gap: number;
  boxes: readonly CrashBox[];
}

const CELLS = [26, 22, 18, 15, 13, 11, 9] as const;
const SMALLEST = 8;
/** A picture is no higher than this, unless it is too narrow for that. */
const HIGH = 190;
const WIDEST_GAP = 30;

type Run = Pick<CrashBox, 'first' | 'end'>;

/** The largest cells with which all states fit. */
export function crashLayout(flights: readonly Run[], states: number, width: number): CrashLayout {
  const runs = [...flights.map(({first, end}) => ({first, end})), {first: flights.at(-1)?.end ?? 0, end: states}];
  const gap = Math.min(WIDEST_GAP, width / (3 * runs.length));
  const room = width - gap * (runs.length - 1);
  for (const cell of CELLS) {
    const most = Math.floor(HIGH / cell);
    for (let rows = Math.min(4, most); rows <= most; rows++) {
      if (columns(runs, rows) * cell <= room) {
        return place(runs, {cell, rows, gap, width});
      }
    }
  }
  let rows = Math.ceil(HIGH / SMALLEST);
  while (columns(runs, rows) * SMALLEST > room && rows < states) {
    rows++;
  }
  return place(runs, {cell: SMALLEST, rows, gap, width});
}

function columns(runs: readonly Run[], rows: number): number {
  return runs.reduce((sum, {first, end}) => sum + Math.ceil((end - first) / rows), 0);
}

function place(runs: readonly Run[], {cell, rows, gap, width}: Pick<CrashLayout, 'cell' | 'rows' | 'gap' | 'width'>): CrashLayout {
  let x = 0;
  const boxes = runs.map(({first, end}) => {
    const box = {x, width: Math.ceil((end - first) / rows) * cell, first, end};
    x += box.width + gap;
    return box;
  });
  const tallest = Math.max(...runs.map(({first, end}) => Math.min(rows, end - first)));
  return {cell, rows, gap, width, height: tallest * cell, boxes};
}

/** The upper left corner of a state's cell. */
export function cellAt({cell, rows, boxes}: CrashLayout, state: number): {x: number; y: number} {
  const box = boxes.find(({first, end}) => first <= state && state < end);
  if (box === undefined) {
    return {x: 0, y: 0};
  }
  const i = state - box.first;
  return {x: box.x + Math.floor(i / rows) * cell, y: (i % rows) * cell};
}

/** The state at a place in the picture, null if there is none. */
export function stateAtPlace({cell, rows, boxes}: CrashLayout, x: number, y: number): number | null {
  const box = boxes.find((other) => other.x <= x && x < other.x + other.width);
  const row = Math.floor(y / cell);
  if (box === undefined || row < 0 || row >= rows) {
    return null;
  }
  const state = box.first + Math.floor((x - box.x) / cell) * rows + row;
  return state < box.end ? state : null;
}

/** All cells of each outcome as one path, and those that are not judged yet. */
export function cellPaths(layout: CrashLayout, judged: Judged): Record<CrashOutcome | 'unknown', string> {
  const paths: Record<CrashOutcome | 'unknown', string[]> = {
    old: [],
    new: [],
    between: [],
    worse: [],
    'other-bytes': [],
    'does-not-open': [],
    unknown: [],
  };
  for (let state = 0; state < judged.states; state++) {
    const {x, y} = cellAt(layout, state);
    const known = judged.state(state)?.outcome ?? 'unknown';
    paths[known].push(outcomePath(known, x, y, layout.cell));
  }
  const path = (outcome: CrashOutcome | 'unknown') => paths[outcome].join('');
  return {
    old: path('old'),
    new: path('new'),
    between: path('between'),
    worse: path('worse'),
    'other-bytes': path('other-bytes'),
    'does-not-open': path('does-not-open'),
    unknown: path('unknown'),
  };
}

/** The shape of an outcome in a square: a ring, a disc, half a disc; a triangle, a diamond, a cross. */
export function outcomePath(outcome: CrashOutcome | 'unknown', x: number, y: number, size: number): string {
  const [cx, cy] = [x + size / 2, y + size / 2];
  const safe = outcome === 'unknown' || OUTCOME_FACTS[outcome].safe;
  const r = size * (outcome === 'unknown' ? 0.1 : safe ? 0.34 : 0.42);
  const ring = `M${cx - r} ${cy}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
  switch (outcome) {
    case 'old': {
      const inner = r * 0.6;
      return `${ring}M${cx - inner} ${cy}a${inner} ${inner} 0 1 1 ${2 * inner} 0a${inner} ${inner} 0 1 1 ${-2 * inner} 0z`;
    }
    case 'between':
      return `${ring}M${cx} ${cy - 0.68 * r}a${0.68 * r} ${0.68 * r} 0 0 1 0 ${1.36 * r}z`;
    case 'worse':
      return `M${cx} ${cy - r}L${cx + r} ${cy + 0.85 * r}H${cx - r}z`;
    case 'other-bytes':
      return `M${cx} ${cy - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`;
    case 'does-not-open': {
      const w = r * 0.36;
      const d = r - w;
      return `M${cx - r} ${cy - d}l${w} ${-w}l${d} ${d}l${d} ${-d}l${w} ${w}l${-d} ${d}l${d} ${d}l${-w} ${w}l${-d} ${-d}l${-d} ${d}l${-w} ${-w}l${d} ${-d}z`;
    }
    default:
      return ring;
  }
}
