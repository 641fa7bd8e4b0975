import {formatBytes} from '../base/units';
import type {WriteCluster, WriteExtent, WritePiece, WritePlanReply} from '../protocol/protocol.gen';
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

/** The first of these clusters, if any, that holds data in a part only: a write there shows the most. */
export function tellingCluster({extended}: Disk, states: States | null): number {
  if (states === null || !extended) {
    return 0;
  }
  const data = SUBCLUSTER_STATES.indexOf('data');
  for (let at = 0; at + CELLS <= states.bytes.length; at += CELLS) {
    const cluster = states.bytes.subarray(at, at + CELLS);
    const own = cluster.filter((state) => state === data).length;
    if (own > 0 && own < CELLS) {
      return states.first + at / CELLS;
    }
  }
  return 0;
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
interface CellRun extends Cell {
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
export function answerOf({totals, touched, extents}: WritePlanReply): {headline: string; factor: number | null} {
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
  return {headline: `${whereText(touched, extents)}; ${aroundText(copied, zeroed)}.`, factor};
}

function whereText(touched: number, extents: readonly WriteExtent[]): string {
  const fresh = extents.filter(({what}) => what === 'data');
  if (fresh.length === 0) {
    return 'The data is written in place';
  }
  if (touched === 1) {
    return 'The data goes to a new cluster';
  }
  return extents.some(({what}) => what === 'in-place') ? 'A part of the data goes to new clusters' : 'The data goes to newly allocated clusters';
}

function aroundText(copied: number, zeroed: number): string {
  if (copied + zeroed === 0) {
    return 'nothing has to be copied';
  }
  const parts = [copied > 0 ? `${formatBytes(copied)} around it are copied` : '', zeroed > 0 ? `${formatBytes(zeroed)} are filled with zeros` : ''];
  return parts.filter((part) => part !== '').join(', ');
}

/** The bits of a bitmap, from subcluster 0 on, and which of them change. */
export function bitsOf(before: string, after: string): {on: boolean; changed: boolean}[] {
  const [old, now] = [Number.parseInt(before, 16), Number.parseInt(after, 16)];
  return Array.from({length: before === '' ? 0 : CELLS}, (_, i) => {
    const on = (now >>> i) % 2 === 1;
    return {on, changed: on !== ((old >>> i) % 2 === 1)};
  });
}
