import {NONE, PLACED} from './labstate';
import type {LabState, Span} from './labstate';
import type {Step, Trace} from './labtrace';

/** Refblocks narrower than this are drawn as columns, many in each. */
const NARROWEST = 5;
/** A column of such a drawing, in pixels. */
const COLUMN = 2;
/** More lines than this from refblocks to their clusters would hide each other: then only the step's own is drawn. */
const MOST_LINES = 60;

/** The clusters of the file along a line of so many pixels. */
export interface Axis {
  clusters: number;
  width: number;
}

export function xOf({clusters, width}: Axis, cluster: number): number {
  return (Math.min(Math.max(0, cluster), clusters) / clusters) * width;
}

/** The part of the axis that a range takes, at least wide enough to be seen. */
export interface Bar {
  x: number;
  width: number;
}

export function barOf(axis: Axis, {from, to}: Span, least = 1.5): Bar {
  const x = xOf(axis, from);
  const width = Math.max(least, xOf(axis, to) - x);
  return {x: Math.min(x, axis.width - width), width};
}

type BlockLook = 'old' | 'old-new' | 'freed' | 'broken' | 'placed' | 'written';

/** A refblock over or under the range that it counts. */
export interface BlockBox extends Bar {
  block: number;
  look: BlockLook;
  /** Its own cluster on the axis, null if it has none. */
  home: number | null;
  /** Its range goes on behind the end of the file. */
  open: boolean;
}

/** Refblocks one by one, or where they are too many, how many of each column are how far. */
export type BlockRow = {as: 'boxes'; boxes: BlockBox[]} | {as: 'columns'; columns: Columns};

/** Shares of what there is in each column, by look. */
export interface Columns {
  width: number;
  shares: {look: BlockLook; of: Float64Array}[];
}

interface Drawn {
  block: number;
  look: BlockLook;
  at: number;
}

/** The old refblocks. */
export function oldRow(trace: Trace, state: LabState, axis: Axis): BlockRow {
  const {oldTable, before} = trace.frame;
  const drawn: Drawn[] = [];
  for (const [block, at] of oldTable.entries()) {
    if (at !== 0 && block * before.perRefblock < axis.clusters) {
      drawn.push({block, at, look: state.freed.has(block) ? 'freed' : at < 0 ? 'broken' : 'old'});
    }
  }
  for (const [block, at] of state.created) {
    drawn.push({block, at, look: state.freed.has(block) ? 'freed' : 'old-new'});
  }
  return rowOf(drawn, before.perRefblock, axis);
}

/** The new refblocks, as far as they are. */
export function newRow(trace: Trace, state: LabState, axis: Axis): BlockRow {
  const drawn: Drawn[] = [];
  for (const [i, block] of trace.blocks.entries()) {
    const status = state.status[i];
    if (status !== NONE) {
      drawn.push({block, at: state.places[i] ?? 0, look: status === PLACED ? 'placed' : 'written'});
    }
  }
  const room = (axis.width / axis.clusters) * trace.frame.after.perRefblock;
  return rowOf(drawn, trace.frame.after.perRefblock, axis, room < NARROWEST && trace.blocks.length > 1, trace.blocks);
}

function rowOf(
  drawn: readonly Drawn[],
  perBlock: number,
  axis: Axis,
  narrow = (axis.width / axis.clusters) * perBlock < NARROWEST && drawn.length > 1,
  all: readonly number[] = drawn.map(({block}) => block),
): BlockRow {
  if (narrow) {
    return {as: 'columns', columns: columnsOf(drawn, all, perBlock, axis)};
  }
  const boxes = drawn.map(({block, look, at}) => ({
    ...barOf(axis, {from: block * perBlock, to: (block + 1) * perBlock}),
    block,
    look,
    home: at > 0 ? xOf(axis, at + 0.5) : null,
    open: (block + 1) * perBlock > axis.clusters,
  }));
  return {as: 'boxes', boxes};
}

/** How many of all refblocks in each column look how. */
function columnsOf(drawn: readonly Drawn[], all: readonly number[], perBlock: number, axis: Axis): Columns {
  const count = Math.max(1, Math.ceil(axis.width / COLUMN));
  const columnOf = (block: number) => Math.min(count - 1, Math.floor(xOf(axis, (block + 0.5) * perBlock) / COLUMN));
  const total = new Float64Array(count);
  for (const block of all) {
    const column = columnOf(block);
    total[column] = (total[column] ?? 0) + 1;
  }
  const looks = new Map<BlockLook, Float64Array>();
  for (const {block, look} of drawn) {
    const of = looks.get(look) ?? new Float64Array(count);
    looks.set(look, of);
    const column = columnOf(block);
    of[column] = (of[column] ?? 0) + 1 / (total[column] ?? 1);
  }
  return {width: COLUMN, shares: [...looks].map(([look, of]) => ({look, of}))};
}

/** The outline of columns that stand on the ground, one on the other. */
export function columnPath(columns: Columns, look: BlockLook, height: number): string {
  let path = '';
  const {width, shares} = columns;
  const index = shares.findIndex((share) => share.look === look);
  const own = shares[index]?.of;
  if (own === undefined) {
    return '';
  }
  for (const [column, share] of own.entries()) {
    if (share > 0) {
      const below = shares.slice(0, index).reduce((sum, {of}) => sum + (of[column] ?? 0), 0);
      const tall = Math.max(1, share * height);
      path += `M${column * width} ${round(height - below * height - tall)}h${width}v${round(tall)}h${-width}z`;
    }
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The lines from refblocks to the clusters where they lie: all, or only the step's own. */
export function linesOf(row: BlockRow, current: number): BlockBox[] {
  if (row.as === 'columns') {
    return [];
  }
  const homes = row.boxes.filter(({home, look}) => home !== null && look !== 'freed');
  return homes.length <= MOST_LINES ? homes : homes.filter(({block}) => block === current);
}

/** A run of clusters of the lane that look alike, with the share of them that is in use: 1 to 3 thirds. */
export interface LaneRun extends Span {
  thirds: number;
}

/** What the lane of clusters shows. */
export interface LaneRuns {
  /** Whose stored refcount is not zero. */
  stored: LaneRun[];
  /** That something refers to. */
  counted: LaneRun[];
  /** Where the two differ, or a refblock cannot be read. */
  differ: Span[];
  /** Where the old structure lies. */
  old: Span[];
}

/** Cells of the lane as the core packs them, `perCell` clusters each, as runs that look alike. */
export function laneRuns(cells: Uint8Array, perCell: number): LaneRuns {
  const runs: LaneRuns = {stored: [], counted: [], differ: [], old: []};
  for (const [i, cell] of cells.entries()) {
    const from = i * perCell;
    addRun(runs.stored, from, perCell, cell & 3);
    addRun(runs.counted, from, perCell, (cell >> 2) & 3);
    addRun(runs.differ, from, perCell, (cell & 0x50) === 0 ? 0 : 1);
    addRun(runs.old, from, perCell, (cell >> 5) & 1);
  }
  return runs;
}

function addRun(runs: (Span & {thirds?: number})[], from: number, length: number, thirds: number): void {
  const last = runs.at(-1);
  if (thirds === 0) {
    return;
  }
  if (last?.to === from && last.thirds === thirds) {
    last.to += length;
  } else {
    runs.push({from, to: from + length, thirds});
  }
}

/** The lane as one outline; cells that are wide enough stand apart. */
export function lanePath(axis: Axis, spans: readonly Span[], height: number, apart: boolean): string {
  const cell = axis.width / axis.clusters;
  let path = '';
  for (const span of spans) {
    const pieces = apart && cell >= 4 ? span.to - span.from : 1;
    const each = (span.to - span.from) / pieces;
    for (let i = 0; i < pieces; i++) {
      const {x, width} = barOf(axis, {from: span.from + i * each, to: span.from + (i + 1) * each}, 0.6);
      path += `M${round(x)} 0h${round(pieces > 1 ? width - 1 : width)}v${height}H${round(x)}z`;
    }
  }
  return path;
}

/** Where the new structure lies, cluster by cluster. */
function newSpans(trace: Trace, state: LabState): Span[] {
  const spans: Span[] = [];
  for (const [i] of trace.blocks.entries()) {
    if (state.status[i] !== NONE) {
      const from = state.places[i] ?? 0;
      spans.push({from, to: from + 1});
    }
  }
  if (state.table !== null) {
    spans.push({from: state.table.at, to: state.table.at + state.table.n});
  }
  return spans;
}

/** Where the old structure was that is free now. */
export function freedSpans(trace: Trace, state: LabState): Span[] {
  const spans: Span[] = [];
  for (const block of state.freed) {
    const at = state.created.get(block) ?? trace.frame.oldTable[block] ?? 0;
    if (at > 0) {
      spans.push({from: at, to: at + 1});
    }
  }
  const {freedTable} = state;
  return freedTable === null ? spans : [...spans, {from: freedTable.at, to: freedTable.at + freedTable.n}];
}

/** The range that a step is about, null if it is about none or about all. */
export function rangeOf(step: Step | null, trace: Trace): Span | null {
  if (step === null || step.to <= step.from || step.act === 'begin-walk' || step.act === 'begin-write-walk') {
    return null;
  }
  return step.from < trace.end ? {from: step.from, to: Math.min(step.to, trace.end)} : null;
}

/** Whether a step's range is what a new refblock counts. */
export function feeds(step: Step | null): boolean {
  return step !== null && (step.act === 'place-block' || step.act === 'keep-block' || step.act === 'write-block');
}


/** More places than this are gathered by pixels. */
const MOST_SPANS = 400;

/** Where the new structure lies; where that are very many places, as far as pixels tell them apart. */
export function newMarks(trace: Trace, state: LabState, axis: Axis): Span[] {
  if (trace.blocks.length <= MOST_SPANS) {
    return newSpans(trace, state);
  }
  const columns = new Uint8Array(Math.ceil(axis.width) + 1);
  for (let i = 0; i < trace.blocks.length; i++) {
    if (state.status[i] !== NONE) {
      columns[Math.floor(xOf(axis, state.places[i] ?? 0))] = 1;
    }
  }
  const spans: Span[] = [];
  const perPixel = axis.clusters / axis.width;
  for (const [x, taken] of columns.entries()) {
    if (taken === 1) {
      spans.push({from: x * perPixel, to: (x + 1) * perPixel});
    }
  }
  return state.table === null ? spans : [...spans, {from: state.table.at, to: state.table.at + state.table.n}];
}

/** Cluster numbers to write under the lane: round ones, far enough apart. */
export function ticksOf({clusters, width}: Axis): number[] {
  const most = Math.max(1, Math.floor(width / 90));
  const raw = clusters / most;
  const ten = 10 ** Math.floor(Math.log10(Math.max(1, raw)));
  const each = [1, 2, 5, 10].map((factor) => factor * ten).find((candidate) => candidate >= raw) ?? 10 * ten;
  return Array.from({length: Math.ceil((clusters * 0.97) / each)}, (_, i) => i * each);
}
