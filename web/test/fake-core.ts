import {failure, ok} from '../src/base/result';
import type {EngineApi} from '../src/engine/api';
import type {Port} from '../src/engine/client';
import {hexReplies} from './fake-hex';
import {layersReplies} from './fake-layers';
import {mapReplies} from './fake-map';
import {notRedirected, redirectReplies} from './fake-redirect';
import {takeawayReplies} from './fake-takeaway';
import {writeReplies} from './fake-write';
import type {Op, Reply} from '../src/protocol/ops';
import type {FindingGroup, FindingView, Info, LabReply, PlanView, Problem, Verdict} from '../src/protocol/protocol.gen';

/** A stand-in for the core in tests of the page: a damaged image of 40 clusters, whose repair mends it. */

export const noProblem: Problem = {kind: '', title: '', where: '', advice: '', detail: ''};

export const info: Info = {
  name: 'disk.qcow2',
  fileSize: 40 * 65536,
  virtualSize: '1073741824',
  version: 3,
  clusterBits: 16,
  clusterSize: 65536,
  refcountBits: 16,
  extendedL2: false,
  compression: 'zlib',
  dirty: false,
  corrupt: false,
  lazyRefcounts: false,
  encryption: 'none',
  backingFile: '',
  backingFormat: '',
  dataFile: '',
  snapshots: 0,
  bitmaps: 0,
  hostClusters: 40,
  header: [{name: 'magic', offset: 0, length: 4, value: '0x514649fb', meaning: 'a qcow2 image'}],
};

function group(code: string, severity: string, title: string, count: number): FindingGroup {
  return {
    code,
    severity,
    class: 'corruption',
    count,
    places: count,
    kept: count,
    title,
    meaning: `meaning of ${code}`,
    cure: `cure of ${code}`,
    mendable: true,
    mayMend: true,
    consent: '',
  };
}

export const leaks = group('leaked-cluster', 'waste', 'Leaked clusters', 3);
const lows = group('refcount-too-low', 'danger', 'Clusters in use are marked free', 2);

export function verdict(change: Partial<Verdict>): Verdict {
  return {
    state: 'damaged',
    headline: 'Do not start this VM.',
    advice: 'Look at the repair plan.',
    corruptions: 2,
    leaks: 3,
    checkErrors: 0,
    exitCode: 2,
    totalClusters: 16384,
    allocated: 30,
    fragmented: 0,
    compressed: 0,
    imageEnd: 40 * 65536,
    repairable: true,
    applied: false,
    streams: -1,
    incomplete: false,
    problem: noProblem,
    groups: [leaks, lows],
    usage: [
      {owner: 'data', clusters: 37, bytes: 37 * 65536},
      {owner: 'leaked', clusters: 3, bytes: 3 * 65536},
    ],
    info,
    ...change,
  };
}

export const healthy = verdict({
  state: 'healthy',
  headline: 'No inconsistency found.',
  exitCode: 0,
  corruptions: 0,
  leaks: 0,
  repairable: false,
  applied: true,
  groups: [],
});

export const plan: PlanView = {
  scope: 'all',
  empty: false,
  steps: [{code: 'refcount-too-low', text: 'raise refcounts', count: 2}],
  writes: 1,
  bytes: 2,
  batches: 1,
  sizeBefore: 40 * 65536,
  sizeAfter: 40 * 65536,
  left: [],
  notLeft: [],
  lost: [],
  lostBytes: 0,
  redirected: notRedirected,
};

function finding(code: string, index: number): FindingView {
  return {
    id: `${code}@${index}`,
    code,
    severity: code === 'leaked-cluster' ? 'waste' : 'danger',
    what: `${code} number ${index}`,
    where: `0x${(index * 65536).toString(16)}`,
    field: `refcount[${index + 7}]`,
    at: `0x${(0x20000 + index * 2).toString(16)}`,
    host: `0x${((index + 7) * 65536).toString(16)}`,
    hostLength: '0x10000',
    guest: '',
    guestLength: '',
    got: '0',
    want: '1',
    qemu: '',
  };
}

const structure = {bits: 16, limit: '65535', refblocks: 1, tableClusters: 1, perRefblock: 32768};

const labReply: LabReply = {
  kind: 'rebuild',
  blocked: [],
  before: structure,
  after: structure,
  steps: 0,
  kept: 0,
  stages: [],
  fileBefore: 40 * 65536,
  fileAfter: 40 * 65536,
  written: 0,
  clusters: 40,
  clusterSize: 65536,
  greatest: '1',
  greatestAt: 0,
  redirected: notRedirected,
};

/** The replies of the core; a test changes those that it is about. */
export type Replies = {[K in Op]: (request: never) => Reply<K> | Promise<Reply<K>>};

export function replies(change: Partial<Replies> = {}): Replies {
  return {
    open: () => ({opened: true, info, problem: noProblem}),
    check: () => verdict({}),
    findings: ({code, from, count, picks}: {code: string; from: number; count: number; picks: number[]}) => ({
      findings:
        picks.length > 0
          ? picks.map((index) => finding(code, index))
          : Array.from({length: Math.min(count, 3)}, (_, i) => finding(code, from + i)),
    }),
    findingsAt: () => ({groups: []}),
    judge: () => ({judged: false, verdict: '', tries: [], ruledOut: 0}),
    effect: () => ({ranges: [], more: false, bytes: 0, unknown: 0, regained: 0, sizeBefore: '1073741824', sizeAfter: '1073741824'}),
    verify: () => ({
      before: {corruptions: 2, leaks: 3, checkErrors: 0, exitCode: 2, beyond: 0},
      after: {corruptions: 0, leaks: 0, checkErrors: 0, exitCode: 0, beyond: 0},
    }),
    written: () => new Float64Array(0),
    cluster: ({cluster}: {cluster: number}) => ({
      cluster,
      host: `0x${(cluster * 65536).toString(16)}`,
      length: 65536,
      owner: 'data',
      ownerText: 'data',
      stored: '0',
      counted: '1',
      severity: 'danger',
      claims: [],
      moreClaims: false,
      findings: [],
      subclusters: [],
    }),
    plan: () => plan,
    writes: () => ({
      writes: [{batch: 0, offset: '0x20000', length: 2, at: '0x20000', old: '0000', new: '0001', why: 'raise'}],
    }),
    apply: () => healthy,
    undo: () => verdict({}),
    bytes: () => new Uint8Array(16),
    segments: () => ({starts: new Float64Array(), lengths: new Float64Array(), patch: new Uint8Array()}),
    planFile: () => new TextEncoder().encode('{}'),
    report: () => new TextEncoder().encode('{}'),
    ...hexReplies,
    ...mapReplies,
    ...takeawayReplies,
    labTrace: () => labReply,
    labSteps: () => new Float64Array(),
    labWords: () => ({words: []}),
    labOldTable: () => new Float64Array(),
    labLane: () => new Uint8Array(),
    labCounts: () => ({owners: [], stored: [], counted: [], after: []}),
    labApply: () => healthy,
    ...redirectReplies,
    ...layersReplies,
    crashOpen: () => healthy,
    ...writeReplies,
    writeApply: () => healthy,
    writeQueueApply: () => healthy,
    ...change,
  };
}

/** A worker with that core in it. A reply that throws is a Problem. */
export function fakePort(all: Replies): Port {
  const call = async (op: Op, request: unknown) => {
    try {
      return ok(await all[op](request as never));
    } catch (problem) {
      return failure(problem as Problem);
    }
  };
  const api = {
    start: () => Promise.resolve(ok(true)),
    attach: () => Promise.resolve(),
    attachBeside: () => Promise.resolve(),
    call,
    cancel: () => Promise.resolve(),
    repaired: () => Promise.resolve(ok(new Blob(['repaired']))),
  };
  return {api: api as unknown as EngineApi, end: () => undefined};
}
