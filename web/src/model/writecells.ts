import type {WriteCluster, WritePiece, WritePlanReply} from '../protocol/protocol.gen';
import {WriteDeeds} from '../protocol/protocol.gen';
import {STATE_FACTS, SUBCLUSTER_STATES} from './map/states';
import type {SubclusterState} from './map/states';
import type {Disk, Grid} from './writerange';
import {CELLS} from './writerange';

/** A cell before, during and after a request. */
export interface Cell {
  before: SubclusterState;
  /** See WriteDeeds. */
  deeds: number;
  after: SubclusterState;
}

/** The states of clusters side by side, as the core sends them: 32 for each with subclusters, else one. */
export interface States {
  /** The first cluster. */
  first: number;
  bytes: Uint8Array;
}

export function stateNamed(index: number | undefined): SubclusterState {
  return SUBCLUSTER_STATES[index ?? -1] ?? 'none';
}

/** The cells of a row, as they are and as the plan makes them. */
export function cellsOf(grid: Grid, disk: Disk, states: States, plan: WritePlanReply | null): Cell[] {
  const per = disk.extended ? CELLS : 1;
  const clusters = new Map(plan?.clusters.map((cluster) => [cluster.cluster, cluster]));
  return Array.from({length: grid.cells}, (_, i) => {
    const offset = grid.start + i * grid.cell;
    const number = Math.floor(offset / disk.clusterSize);
    const k = per === 1 ? 0 : i;
    const before = stateNamed(states.bytes[(number - states.first) * per + k]);
    const cluster = clusters.get(number);
    return cluster === undefined ? {before, deeds: 0, after: before} : changedCell(cluster, k);
  });
}

function changedCell({before, deeds, after}: WriteCluster, k: number): Cell {
  return {
    before: stateNamed(Number(before[k])),
    deeds: Number.parseInt(deeds.slice(2 * k, 2 * k + 2), 16) || 0,
    after: stateNamed(Number(after[k])),
  };
}

/** States side by side that are the same, of a cluster in miniature. */
export interface Run {
  state: SubclusterState;
  from: number;
  count: number;
}

export function runsOf(states: readonly SubclusterState[]): Run[] {
  const runs: Run[] = [];
  for (const [from, state] of states.entries()) {
    const last = runs.at(-1);
    if (last?.state === state) {
      last.count++;
    } else {
      runs.push({state, from, count: 1});
    }
  }
  return runs;
}

/** Cells side by side to which the same happens, for the table. */
export interface CellRun extends Cell {
  from: number;
  count: number;
}

export function cellRuns(cells: readonly Cell[]): CellRun[] {
  const runs: CellRun[] = [];
  for (const [from, cell] of cells.entries()) {
    const last = runs.at(-1);
    if (last?.before === cell.before && last.deeds === cell.deeds && last.after === cell.after) {
      last.count++;
    } else {
      runs.push({...cell, from, count: 1});
    }
  }
  return runs;
}

const SOURCES: Record<string, string> = {
  copied: 'copied from the old cluster',
  decompressed: 'decoded from the compressed cluster',
  backing: 'copied from the backing file',
  filled: 'filled with zeros',
};

/** What happens to a cell, in words. */
export function deedText(deeds: number): string {
  const done = WriteDeeds.filter((_, bit) => (deeds >> bit) % 2 === 1);
  const parts = done.map((deed) => SOURCES[deed]).filter((part) => part !== undefined);
  if (done.includes('flagged')) {
    parts.push('set in the entry, without data');
  }
  const copied = parts.join(', ');
  if (!done.includes('written')) {
    return copied;
  }
  return copied === '' ? 'written' : `written in part, the rest ${copied}`;
}

export function stateText(state: SubclusterState): string {
  return STATE_FACTS[state].text;
}

/** How a piece beside the write is called in the picture, and in one letter where there is little room. */
export function pieceLabel({deed}: WritePiece): {text: string; letter: string} {
  switch (deed) {
    case 'copied':
      return {text: 'old cluster', letter: 'c'};
    case 'decompressed':
      return {text: 'decompressed', letter: 'd'};
    case 'backing':
      return {text: 'backing file', letter: 'b'};
    case 'filled':
      return {text: 'zeros', letter: '0'};
    default:
      return {text: 'left alone', letter: ''};
  }
}

/** A piece in words: where its bytes come from, or why there are none to copy. */
export function pieceText({deed, why, host}: WritePiece): string {
  const source = SOURCES[deed];
  if (source === undefined) {
    return `left alone: ${why}`;
  }
  return host === '' ? source : `${source}, host ${host}`;
}

/** What comes of a plan, in a sentence or two, the most important first. */
export function answerOf({totals, touched}: WritePlanReply): {headline: string; factor: number | null} {
  const {written, copied, zeroed, entries, refcounts, steps} = totals;
  const factor = written > 0 ? (written + copied + zeroed) / written : null;
  if (steps === 0) {
    return {headline: 'Nothing changes.', factor: null};
  }
  if (written > 0 && entries === 0 && refcounts === 0) {
    return {headline: 'Only the data is written, in place: no record at all.', factor};
  }
  if (written === 0) {
    const what = entries === 1 ? 'one L2 entry changes' : `${entries} L2 entries change`;
    return {headline: entries === 0 ? 'No L2 entry changes.' : `No data is written: ${what}.`, factor: null};
  }
  const where = touched === 1 ? 'the cluster' : `${touched} clusters`;
  const rest = copied + zeroed === 0 ? 'nothing has to be copied' : 'what lies around the write is brought along';
  return {headline: `The write changes the entry of ${where}; ${rest}.`, factor};
}

/** The bits of a bitmap, from subcluster 0 on, and which of them change. */
export function bitsOf(before: string, after: string): {on: boolean; changed: boolean}[] {
  const [old, now] = [Number.parseInt(before, 16), Number.parseInt(after, 16)];
  return Array.from({length: before === '' ? 0 : CELLS}, (_, i) => {
    const on = (now >>> i) % 2 === 1;
    return {on, changed: on !== ((old >>> i) % 2 === 1)};
  });
}
