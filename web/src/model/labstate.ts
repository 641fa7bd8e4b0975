import type {Step, Trace} from './labtrace';

/** How far a new refblock is. */
export const NONE = 0;
export const PLACED = 1;
export const WRITTEN = 2;

/** Clusters from and to. */
export interface Span {
  from: number;
  to: number;
}

/** A reftable in the file. */
export interface TablePlace {
  at: number;
  n: number;
}

/** What is there after a step. */
export interface LabState {
  /** The step, -1 before the first. */
  step: number;
  /** In which walk, 0 for none. */
  walk: number;
  /** How far the refcounts were read in this walk. */
  readTo: number | null;
  /** Of the refblocks that get a place, by their index in the trace. */
  status: Uint8Array;
  places: Float64Array;
  placed: number;
  written: number;
  /** Free ranges that this walk passed by. */
  skipped: Span[];
  /** Ranges whose refblock is left out. */
  dropped: Span[];
  table: (TablePlace & {written: boolean}) | null;
  /** How many clusters the reftable needs, as far as is known. */
  tableLength: number;
  /** Places of the new reftable that were given back. */
  given: TablePlace[];
  /** Old refblocks that had to be made on the way, by index. */
  created: Map<number, number>;
  /** Where the old reftable went, if it did. */
  oldTable: TablePlace | null;
  freed: Set<number>;
  /** Where the old reftable was, once it is free. */
  freedTable: TablePlace | null;
  /** The header points to the new structure. */
  switched: boolean;
}

export function startOf(trace: Trace): LabState {
  const blocks = trace.blocks.length;
  return {
    step: -1,
    walk: 0,
    readTo: null,
    status: new Uint8Array(blocks),
    places: new Float64Array(blocks),
    placed: 0,
    written: 0,
    skipped: [],
    dropped: [],
    table: null,
    tableLength: 0,
    given: [],
    created: new Map(),
    oldTable: null,
    freed: new Set(),
    freedTable: null,
    switched: false,
  };
}

/**
 * What is there after a step, from the steps alone. An earlier state is changed to it if it can be; going back is to
 * begin anew, which takes a few milliseconds for the longest trace.
 */
export function stateAt(trace: Trace, step: number, earlier: LabState | null = null): LabState {
  const state = earlier !== null && earlier.step <= step ? earlier : startOf(trace);
  for (let i = state.step + 1; i <= step; i++) {
    apply(state, trace, trace.step(i));
    state.step = i;
  }
  return state;
}

function apply(state: LabState, trace: Trace, step: Step): void {
  switch (step.act) {
    case 'begin-walk':
    case 'begin-write-walk':
      Object.assign(state, {readTo: 0, skipped: []});
      break;
    case 'read-entries':
      state.readTo = step.to;
      break;
    case 'skip-empty':
      state.readTo = step.to;
      state.skipped.push({from: step.from, to: step.to});
      break;
    case 'drop-block':
      state.dropped.push({from: step.from, to: step.to});
      break;
    case 'place-block':
    case 'keep-block':
      putBlock(state, trace.indexOf(step.block), step.at, PLACED);
      break;
    case 'write-block':
      state.readTo = step.to;
      putBlock(state, trace.indexOf(step.block), step.at, WRITTEN);
      break;
    case 'create-old-block':
      state.created.set(step.block, step.at);
      break;
    case 'free-old-block':
      state.freed.add(step.block);
      break;
    default:
      applyToTables(state, step);
  }
  state.walk = step.walk;
  if (step.walk === 0 && step.act !== 'read-entries' && step.act !== 'drop-block') {
    Object.assign(state, {readTo: null, skipped: []});
  }
}

function applyToTables(state: LabState, {act, at, n}: Step): void {
  switch (act) {
    case 'place-table':
    case 'write-table':
      state.table = {at, n, written: act === 'write-table'};
      state.tableLength = Math.max(state.tableLength, n);
      break;
    case 'free-table':
      state.given.push({at, n});
      state.table = null;
      break;
    case 'grow-table':
      // The table grew: all that was placed is given back, to begin again with room for the longer one.
      state.tableLength = n;
      state.status.fill(NONE);
      state.placed = 0;
      break;
    case 'trim-table':
      state.tableLength = n;
      state.table = state.table && {...state.table, n};
      break;
    case 'grow-old-table':
      state.oldTable = {at, n};
      break;
    case 'switch-header':
      state.switched = true;
      break;
    case 'free-old-table':
      state.freedTable = {at, n};
      break;
    default:
  }
}

function putBlock(state: LabState, index: number, at: number, status: number): void {
  if (index < 0) {
    return;
  }
  const was = state.status[index] ?? NONE;
  state.placed += was === NONE ? 1 : 0;
  state.written += status === WRITTEN && was !== WRITTEN ? 1 : 0;
  state.status[index] = Math.max(was, status);
  state.places[index] = at;
}

/** The cluster that is looked at closely in a step, null if there is no reason to look elsewhere than before. */
export function focusOf(step: Step, perBlock: number): number | null {
  switch (step.act) {
    case 'read-entries':
    case 'skip-empty':
    case 'drop-block':
      return step.from;
    case 'count-references':
    case 'compare-counts':
    case 'begin-walk':
    case 'begin-write-walk':
      return 0;
    case 'end-walk':
    case 'recount':
    case 'grow-table':
    case 'trim-table':
      return null;
    case 'switch-header':
      return step.at;
    case 'place-block':
    case 'keep-block':
    case 'create-old-block':
    case 'grow-old-table':
    case 'place-table':
    case 'free-table':
    case 'write-block':
    case 'write-table':
    case 'free-old-block':
    case 'free-old-table':
      return step.at > 0 ? step.at : step.block * perBlock;
  }
}

/** Whether a cluster's refcount is in a new refblock that has been written. */
export function isCarried(state: LabState, trace: Trace, cluster: number): boolean {
  const index = trace.indexOf(Math.floor(cluster / trace.frame.after.perRefblock));
  return index >= 0 && state.status[index] === WRITTEN;
}
