import type {FindingsOps} from './ops-findings';
import type {HexOps} from './ops-hex';
import type {LabOps} from './ops-lab';
import type {LayersOps} from './ops-layers';
import type {MapOps} from './ops-map';
import type {RedirectOps} from './ops-redirect';
import type {TakeawayOps} from './ops-takeaway';
import type {WriteOps} from './ops-write';
import type {
  BytesRequest,
  CheckRequest,
  ClusterRequest,
  ClusterView,
  FindingsReply,
  FindingsRequest,
  OpenReply,
  OpenRequest,
  PlanFileRequest,
  PlanRequest,
  PlanView,
  Verdict,
  WritesReply,
  WritesRequest,
} from './protocol.gen';

/** The repaired image in order, see the end of protocol.go. */
export interface Segments {
  starts: Float64Array;
  lengths: Float64Array;
  patch: Uint8Array<ArrayBuffer>;
}

/** Segments that begin here are not ranges of the file. */
export const FROM_PATCH = -1;
export const ZEROS = -2;

/** What the core answers to: the name of an operation, its request and its reply. */
interface Ops extends FindingsOps, HexOps, LabOps, LayersOps, MapOps, RedirectOps, TakeawayOps, WriteOps {
  open: {request: OpenRequest; reply: OpenReply};
  check: {request: CheckRequest; reply: Verdict};
  findings: {request: FindingsRequest; reply: FindingsReply};
  cluster: {request: ClusterRequest; reply: ClusterView};
  plan: {request: PlanRequest; reply: PlanView};
  writes: {request: WritesRequest; reply: WritesReply};
  apply: {request: undefined; reply: Verdict};
  undo: {request: undefined; reply: Verdict};
  bytes: {request: BytesRequest; reply: Uint8Array<ArrayBuffer>};
  segments: {request: undefined; reply: Segments};
  planFile: {request: PlanFileRequest; reply: Uint8Array<ArrayBuffer>};
  report: {request: undefined; reply: Uint8Array<ArrayBuffer>};
}

export type Op = keyof Ops;
export type Request<K extends Op> = Ops[K]['request'];
export type Reply<K extends Op> = Ops[K]['reply'];

/** A page of findings or writes, and the largest that the core gives. */
export const PAGE_SIZE = 100;
