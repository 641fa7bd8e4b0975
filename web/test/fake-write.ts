import type {WriteCluster, WritePlanReply} from '../src/protocol/protocol.gen';

/** Replies about guest writes, for tests. */

const noStop = {title: '', why: '', cure: '', guest: '', at: '', entry: '', bitmap: ''};
const noEntry = {word: '0'.repeat(16), kind: 'unallocated', host: '', copied: false, alloc: '', zero: ''};

export function cluster(change: Partial<WriteCluster>): WriteCluster {
  return {cluster: 0, before: '0', deeds: '00', after: '0', entryBefore: noEntry, entryAfter: noEntry, ...change};
}

export function planReply(change: Partial<WritePlanReply>): WritePlanReply {
  return {
    stop: noStop,
    words: 'write of guest [0x0, 0x1000)',
    clusters: [],
    touched: 1,
    pieces: [],
    extents: [],
    counts: [],
    steps: [],
    totals: {written: 0, copied: 0, zeroed: 0, allocated: 0, entries: 0, refcounts: 0, tables: 0, steps: 0, pieces: 0, extents: 0},
    remarks: [],
    dangers: [],
    barred: '',
    ...change,
  };
}

export const writeReplies = {
  writeOpen: () => ({stop: noStop, disk: 1 << 30}),
  writePlan: () => planReply({}),
  writeQueue: () => ({stop: noStop, writes: [], done: false, barred: ''}),
  writeStates: () => ({states: [], counted: true, tables: 0}),
  writeTrace: () => ({trouble: '', format: '', writes: 0, other: 0, written: 0, setups: [], advice: ''}),
};
