// Generated from wasm/service/crashprotocol.go, wasm/service/findingsprotocol.go, wasm/service/hexprotocol.go, wasm/service/labprotocol.go, wasm/service/layersprotocol.go, wasm/service/mapprotocol.go, wasm/service/planprotocol.go, wasm/service/protocol.go, wasm/service/redirectprotocol.go, wasm/service/takeawayprotocol.go, wasm/service/writeprotocol.go by scripts/gen-protocol. Do not edit.

/**
 * CrashRequest asks for the states in which a crash can leave the image while it is changed:
 * by the plan as it would be redirected, and by the same plan in place.
 */
export interface CrashRequest {
  /** repair, width, write */
  kind: string;
  /** of which both ways are looked at */
  repair: PlanRequest;
  /** of a refcount after a width change */
  bits: number;
  /** of the guest */
  write: WriteRequest;
  /** Flushes is how the change in place waits for the disk: qemu, none. */
  flushes: string;
  /** of each side at most, 10 to 100000 */
  states: number;
  /** of the sample, when there are more: a whole number */
  seed: number;
}

/** CrashView sums up the states. They are judged by CrashJudgeRequest. */
export interface CrashView {
  /** what forbids the change; if there is any, there is nothing else */
  blocked: LabBlocker[];
  /** the change writes nothing */
  empty: boolean;
  /** why there is no redirected side; "" if there is one */
  cannot: string;
  /** redirected, in-place */
  sides: CrashSide[];
  /** SameGuest: the guest reads the same before and after, so that old and new bytes are no different. */
  sameGuest: boolean;
  /** bytes of the disk that are compared in each state, about; 0 for all */
  compared: number;
}

/** CrashSide is one way to make the change. */
export interface CrashSide {
  /** redirected, in-place */
  name: string;
  /** what a redirected plan overwrites in place all the same */
  unsafe: string[];
  /** in order */
  flights: CrashFlight[];
  /** all of them: those after the last flight have everything on the disk */
  states: number;
}

/** CrashFlight is the writes between two flushes. */
export interface CrashFlight {
  /** free, header, late as in RedirectBatch; in-place */
  kind: string;
  writes: number;
  /** of 512 bytes, each of which lands or does not */
  sectors: number;
  bytes: number;
  /** number of its first state */
  first: number;
  /** after its last */
  end: number;
  /** they are all that there can be, not a sample */
  all: boolean;
}

/**
 * CrashJudgeRequest asks for verdicts of states: as many of them as can be had in the time, in
 * the given order, at least one. States of a side are counted from 0, flight by flight, and in
 * a flight by how much has landed. Verdicts cross as a Float64Array of five numbers a state:
 * the flight; its sectors that have landed; writes that are torn; index of the outcome in
 * CrashOutcomes; leaked clusters.
 */
export interface CrashJudgeRequest {
  side: number;
  states: number[];
  ms: number;
}

/**
 * CrashOutcomes are what a crash can leave, by index. The first three are safe: the image
 * before the change, the one after it, or something between without any new trouble.
 */
export const CrashOutcomes = [
  'old',
  'new',
  'between',
  'worse',
  'other-bytes',
  'does-not-open',
] as const;

/** One of CrashOutcomes. */
export type CrashOutcome = (typeof CrashOutcomes)[number];

/** CrashStateRequest asks for all about one state. */
export interface CrashStateRequest {
  side: number;
  state: number;
}

/** CrashState is the image in a state. */
export interface CrashState {
  flight: number;
  /** that have landed */
  sectors: number;
  of: number;
  /** writes */
  torn: number;
  /** one of CrashOutcomes */
  outcome: string;
  /** what the guest reads: old, new, neither */
  guest: string;
  /** why it does not open */
  problem: Problem;
  /** of its verdict */
  state: string;
  corruptions: number;
  leaks: number;
  checkErrors: number;
  /** of which there are more than before the change and after it */
  worse: FindingGroup[];
  /** the first few, those of Worse first */
  findings: FindingView[];
  /** of the writes in flight, the first 100 */
  landings: CrashLanding[];
}

/** CrashLanding is a write in flight. */
export interface CrashLanding {
  /** hex */
  offset: string;
  length: number;
  why: string;
  /** sectors of it */
  landed: number;
  /** the first 128: 1 has landed, 0 has not */
  sectors: string;
  of: number;
}

/** CrashPlaceReply is where the guest could write. */
export interface CrashPlaceReply {
  /** hex */
  offset: string;
}

/** FindingsRequest asks for a page of one group, or of all groups with Code "". */
export interface FindingsRequest {
  code: string;
  from: number;
  /** at most 100 */
  count: number;
  /** if not empty, these findings of the group instead: at most 100, ascending */
  picks: number[];
}

/** FindingsReply is that page. */
export interface FindingsReply {
  findings: FindingView[];
}

/** FindingView is one finding in words. */
export interface FindingView {
  /** stable for this image: code@host */
  id: string;
  code: string;
  severity: string;
  /** a sentence */
  what: string;
  /** field and host range */
  where: string;
  /** its name alone, "" if it has none */
  field: string;
  /** hex offset of the field, "" if it has none */
  at: string;
  /** hex offset, "" if none */
  host: string;
  /** hex */
  hostLength: string;
  /** hex offset, "" if none */
  guest: string;
  guestLength: string;
  got: string;
  want: string;
  /** the line that qemu-img prints for it, for searching */
  qemu: string;
}

/**
 * FindingsAtRequest asks which findings are about places: all words must fit. A word is a hex
 * offset of the file or the disk ("0x1c0000"), a host cluster ("28"), or a field ("l2[0][5]",
 * "refcount[28]").
 */
export interface FindingsAtRequest {
  words: string[];
}

/** FindingsAtReply are the groups that have such findings, with their numbers in the group. */
export interface FindingsAtReply {
  groups: FindingsAt[];
}

/** FindingsAt are findings of a group. */
export interface FindingsAt {
  code: string;
  /** the first 2000, ascending */
  indices: number[];
  more: boolean;
}

/** JudgeRequest asks what speaks for and against the places that a damaged pointer may mean. */
export interface JudgeRequest {
  code: string;
  /** in the group */
  index: number;
}

/** JudgeReply is that. Judged is false where no pointer has to be judged. */
export interface JudgeReply {
  judged: boolean;
  verdict: string;
  /** those that fit first */
  tries: JudgeTry[];
  /** other places that lie past the end of the file or across clusters */
  ruledOut: number;
}

/** JudgeTry is a place that the pointer may mean. */
export interface JudgeTry {
  /** hex offset */
  host: string;
  /** one comes to think of it */
  how: string;
  fits: boolean;
  facts: string[];
}

/** HexRequest asks for the bytes and fields of a range. */
export interface HexRequest {
  /** hex */
  offset: string;
  /** at most 4096 */
  length: number;
  /** the other side */
  other: boolean;
}

/** HexReply is that range, less what lies past the end. */
export interface HexReply {
  /** of the larger side, hex */
  size: string;
  /** what makes the sides differ: "", planned or applied */
  plan: string;
  /** of the side that was asked for, two hex digits a byte */
  bytes: string;
  /** of the opposite side; "" without a plan */
  twin: string;
  /** that touch the range, without gaps; the first and last may reach out of it */
  fields: HexField[];
}

/** HexField is a run of bytes with one meaning. */
export interface HexField {
  /** hex */
  offset: string;
  length: number;
  /** of HexKinds */
  kind: string;
  /** as the specification spells it */
  name: string;
  value: string;
  /** value is a text that stands in the image */
  isText: boolean;
  meaning: string;
  /** hex offset that it points to, "" if none */
  to: string;
  /** what is there */
  toName: string;
  /** of the worst finding at it, "" if nothing is wrong */
  severity: string;
}

/** HexFieldRequest asks for all about the field at an offset. */
export interface HexFieldRequest {
  /** hex */
  offset: string;
  other: boolean;
}

/** HexFieldReply is that field. Found is false past the end of the side. */
export interface HexFieldReply {
  found: boolean;
  field: HexField;
  /** hex */
  toLength: string;
  /** what it is a part of */
  structure: string;
  /** hex offset on the disk that it serves, "" if none */
  guest: string;
  guestLength: string;
  /** host cluster */
  cluster: number;
  /** from the highest down; empty when they mean nothing one by one */
  bits: HexBits[];
  /** the pointers that lead to its structure */
  from: HexRef[];
  moreFrom: boolean;
  findings: HexFinding[];
  /** its first 16 bytes, on the side that was asked for */
  bytes: string;
  /** the same bytes of the opposite side; "" without a plan */
  twin: string;
  /** why the plan writes here, at most 4 */
  reasons: string[];
}

/** HexBits are some bits of a field. */
export interface HexBits {
  high: number;
  low: number;
  name: string;
  /** hex */
  value: string;
  /** must be zero and is not */
  wrong: boolean;
}

/** HexRef is a pointer and where it stands. */
export interface HexRef {
  name: string;
  /** hex */
  offset: string;
}

/** HexFinding is what is wrong with a field. */
export interface HexFinding {
  code: string;
  severity: string;
  title: string;
}

/** HexChangeRequest asks for a place where the sides differ. */
export interface HexChangeRequest {
  /** hex */
  offset: string;
  /** 1 the next after the offset, -1 the one before, 0 the one at it or the next */
  step: number;
}

/** HexChangeReply is that place. Bytes that differ with few equal ones between them are one. */
export interface HexChangeReply {
  /** of places */
  count: number;
  /** there are others, which were not looked for */
  more: boolean;
  /** of this one, from 1; 0 when there is none */
  index: number;
  offset: string;
  /** hex */
  length: string;
}

/** HexFindRequest asks for a field outside of the one at an offset. */
export interface HexFindRequest {
  /** hex */
  offset: string;
  other: boolean;
  /** 1 the next, -1 the one before */
  step: number;
  /** field any, set one with a byte that is not zero, wrong one with a finding */
  what: string;
}

/** HexFindReply is where it begins; of a finding, its place. */
export interface HexFindReply {
  found: boolean;
  /** hex */
  offset: string;
  /** hex offset as far as which nothing was found, "" when that is the end or the start */
  stopped: string;
}

/** HexKinds are the kinds of fields: the structures that they belong to. */
export const HexKinds = [
  'header',
  'extension',
  'backing-name',
  'reftable',
  'refblock',
  'l1',
  'l2',
  'snapshot-table',
  'snapshot-l1',
  'snapshot-l2',
  'bitmap-directory',
  'bitmap-table',
  'bitmap-data',
  'crypto',
  'data',
  'compressed',
  'zero',
  'snapshot-data',
  'free',
  'leaked',
  'padding',
  'unknown',
] as const;

/** One of HexKinds. */
export type HexKind = (typeof HexKinds)[number];

/**
 * LabRequest asks how a new refcount structure comes about for the image as it is now:
 * every step, what it costs and what forbids it. Nothing is applied.
 */
export interface LabRequest {
  /** rebuild, width */
  kind: string;
  /** of a refcount after a width change: 1, 2, 4, 8, 16, 32 or 64 */
  bits: number;
  /** a width change places everything where QEMU would */
  likeQemu: boolean;
  /** what is applied overwrites nothing that is live; the steps stay those of the change itself */
  redirect: boolean;
}

/** LabReply sums up the steps. They are paged with LabStepsRequest and LabWordsRequest. */
export interface LabReply {
  kind: string;
  /** what forbids it; if there is any, nothing was planned, and there are no steps */
  blocked: LabBlocker[];
  before: LabStructure;
  after: LabStructure;
  /**
   * Steps is how many there are, Kept how many can be asked for: fewer when there are too
   * many, see LabStage.
   */
  steps: number;
  kept: number;
  stages: LabStage[];
  /** bytes */
  fileBefore: number;
  /** bytes */
  fileAfter: number;
  /** bytes */
  written: number;
  /** of the file, before or after, whichever are more */
  clusters: number;
  /** bytes */
  clusterSize: number;
  /** refcount in the image, decimal */
  greatest: string;
  /** the first cluster that has it */
  greatestAt: number;
  redirected: Redirected;
}

/** LabStructure is a refcount structure. */
export interface LabStructure {
  /** of a refcount */
  bits: number;
  /** the greatest refcount that fits, decimal */
  limit: string;
  /** that it has */
  refblocks: number;
  /** of the reftable */
  tableClusters: number;
  /** clusters whose refcounts one refblock holds */
  perRefblock: number;
}

/** LabStage is a run of steps that belong together. */
export interface LabStage {
  /**
   * Name: count (references), compare, read, walk (that gives places), write, switch (the
   * header), free (the old structure), recount.
   */
  name: string;
  /** number of the walk, 0 if it is none */
  walk: number;
  /** index of its first step among those that are kept */
  first: number;
  /** of its steps, the first and the last ones and all that matter */
  kept: number;
  /** of it */
  steps: number;
  /** refblocks that got a place in it */
  placed: number;
}

/** LabBlocker is one thing that forbids a change. */
export interface LabBlocker {
  what: string;
  why: string;
  advice: string;
  /** of places */
  count: number;
  /** the first 100 of them, in words */
  places: string[];
}

/**
 * LabStepsRequest asks for steps of what was asked for last. They cross as a Float64Array of
 * eight numbers a step: its number in the whole trace from 0, the index of its act in
 * LabActs, the walk (0 for none), the refblock (-1 for none), the first and the end of the
 * clusters whose refcounts it is about, the cluster where something goes or was, and how
 * many: see the acts.
 */
export interface LabStepsRequest {
  from: number;
  /** at most 65536 */
  count: number;
}

/** LabActs are what happens in a step, by index. */
export const LabActs = [
  'begin-walk',
  'begin-write-walk',
  'end-walk',
  'count-references',
  'compare-counts',
  'read-entries',
  'skip-empty',
  'place-block',
  'keep-block',
  'drop-block',
  'create-old-block',
  'grow-old-table',
  'place-table',
  'free-table',
  'grow-table',
  'trim-table',
  'write-block',
  'write-table',
  'switch-header',
  'free-old-block',
  'free-old-table',
  'recount',
] as const;

/** One of LabActs. */
export type LabAct = (typeof LabActs)[number];

/** LabWordsRequest asks for the same steps in words. */
export interface LabWordsRequest {
  from: number;
  /** at most 100 */
  count: number;
}

/** LabWordsReply is what happens in each, and why. */
export interface LabWordsReply {
  words: string[];
}

/** LabLaneRequest asks for all clusters in a line, PerCell in each cell. */
export interface LabLaneRequest {
  perCell: number;
  /** at most 8192 */
  cells: number;
}

/** LabCountsRequest asks for the refcounts of clusters in a row. */
export interface LabCountsRequest {
  first: number;
  /** at most 256 */
  count: number;
}

/** LabCounts are refcounts, cluster by cluster, in decimal. */
export interface LabCounts {
  /** an Owner name */
  owners: string[];
  /** in the old structure; "" without a refblock, "?" when it cannot be read */
  stored: string[];
  /** references found */
  counted: string[];
  /** in the new structure; "" without a refblock */
  after: string[];
}

/**
 * LayersScan tells how far the reading is on which sizes, snapshots and bitmaps depend. Each
 * call reads some more, until Done is Total.
 */
export interface LayersScan {
  done: number;
  total: number;
}

/** LayersSizes is the way from the size of the disk to that of the file. */
export interface LayersSizes {
  virtual: number;
  file: number;
  /** what the disk as it is now takes of the file */
  stored: number;
  /** Fits is false when the header asks for a larger disk than can be: Virtual is what can. */
  fits: boolean;
  /** a sentence with the biggest reason for the difference */
  reason: string;
  /** they lead from Virtual to File */
  steps: LayersStep[];
}

/** LayersStep adds bytes, or takes them off. */
export interface LayersStep {
  /** of LayersStepKinds */
  kind: string;
  label: string;
  meaning: string;
  bytes: number;
}

/** LayersStepKinds are the kinds of steps. */
export const LayersStepKinds = [
  'unwritten',
  'zeros',
  'compressed',
  'data-file',
  'rounding',
  'beyond',
  'snapshots',
  'vm-states',
  'mapping',
  'snapshot-tables',
  'refcounts',
  'header',
  'encryption',
  'bitmaps',
  'leaked',
  'damage',
  'free-inside',
  'free-end',
  'cut',
] as const;

/** One of LayersStepKinds. */
export type LayersStepKind = (typeof LayersStepKinds)[number];

/** LayersSnapshotsRequest asks for a page of the layers. */
export interface LayersSnapshotsRequest {
  first: number;
  /** at most 100 */
  count: number;
}

/** LayersSnapshotsReply is that page. */
export interface LayersSnapshotsReply {
  /** layers, the active one included */
  total: number;
  layers: LayersLayer[];
  /**
   * Sound is false when the refcounts of the file are not what was counted: then deleting
   * may free less until the image is repaired.
   */
  sound: boolean;
  /** why the list ends early, "" if it does not */
  problem: string;
  /** what deleting all snapshots would free */
  all: LayersFreed;
}

/** LayersLayer is the active layer, number 0, or a snapshot. Sizes are of host clusters, in bytes. */
export interface LayersLayer {
  layer: number;
  id: string;
  name: string;
  /** seconds since 1970, UTC */
  date: number;
  /** bytes, decimal; "" if the snapshot does not say */
  diskSize: string;
  /** bytes, decimal, as the snapshot says */
  vmState: string;
  /** hex offset of its L1 table */
  table: string;
  /** guest data that it refers to */
  data: number;
  /** VM state */
  state: number;
  /** L1 and L2 tables */
  tables: number;
  /** Own are those of them that no other layer refers to. */
  ownData: number;
  ownState: number;
  ownTables: number;
  /** by deleting it alone */
  freed: LayersFreed;
}

/** LayersFreedRequest asks what deleting the chosen snapshots would free. */
export interface LayersFreedRequest {
  /** layers, from 1 on */
  chosen: number[];
}

/** LayersFreed is what deleting gives back. */
export interface LayersFreed {
  /** may be below zero: the list of snapshots is written anew */
  clusters: number;
  bytes: number;
  /** else it is at least so much */
  exact: boolean;
}

/** LayersBitmapsRequest asks for a page of the bitmaps. */
export interface LayersBitmapsRequest {
  first: number;
  /** at most 100 */
  count: number;
}

/** LayersBitmapsReply is that page. */
export interface LayersBitmapsReply {
  total: number;
  bitmaps: LayersBitmap[];
  /** why the list ends early, "" if it does not */
  problem: string;
}

/** LayersBitmap is a persistent bitmap. */
export interface LayersBitmap {
  index: number;
  name: string;
  /** bytes that a bit stands for */
  granularity: number;
  inUse: boolean;
  auto: boolean;
  /** what is dirty is */
  known: boolean;
  /** why it is not */
  unknown: string;
  /** bytes */
  dirty: number;
  bits: number;
  /** bytes of the file, of its table and its bits */
  takes: number;
}

/**
 * LayersStripRequest asks for the strip of a bitmap: a Uint8Array with 1024 equal parts of
 * the disk, how much of each is dirty, of 255. It is empty when that is not known.
 */
export interface LayersStripRequest {
  bitmap: number;
}

/** LayersDirtyRequest asks for dirty ranges of a bitmap. */
export interface LayersDirtyRequest {
  bitmap: number;
  /** hex guest offset */
  from: string;
  /** at most 100 */
  count: number;
}

/** LayersDirtyReply is a page of them. */
export interface LayersDirtyReply {
  ranges: LayersRange[];
  /** hex guest offset to go on from, "" at the end */
  next: string;
}

/** LayersRange is a run of guest bytes. */
export interface LayersRange {
  /** hex */
  start: string;
  length: number;
}

/** LayersChainReply is the image and the files below it that were given. */
export interface LayersChainReply {
  /** the image first */
  links: LayersLink[];
  /** Open tells that the last one names a backing file that is not given. */
  open: boolean;
}

/** LayersLink is one file of the chain. */
export interface LayersLink {
  /** of the file that was given */
  name: string;
  /** qcow2, raw */
  format: string;
  fileSize: number;
  /** bytes of its disk, decimal */
  virtual: string;
  /** the files that it names */
  outside: LayersOutside[];
  notes: LayersNote[];
}

/** LayersOutside is a file that a link names. */
export interface LayersOutside {
  /** the external data file, else the backing file */
  data: boolean;
  name: string;
  /** "" if it is not named */
  format: string;
  /** of LayersTargets */
  target: string;
  /** what is opened, as far as the name tells */
  opens: string[];
  /** look at it before opening the image */
  wary: boolean;
  warning: string;
  /** the name of the file that was given for it, "" if none was */
  given: string;
}

/** LayersTargets are where a name leads. */
export const LayersTargets = [
  'beside',
  'outward',
  'absolute',
  'device',
  'network',
  'options',
  'driver',
  'unnamed',
] as const;

/** One of LayersTargets. */
export type LayersTarget = (typeof LayersTargets)[number];

/** LayersNote is something to know about a link. */
export interface LayersNote {
  /** as of findings */
  severity: string;
  text: string;
}

/** LayersAttachRequest gives the file for a name that a link holds. */
export interface LayersAttachRequest {
  /** the number under which the host reads it, from 1 on */
  file: number;
  name: string;
  size: number;
  /** that names it */
  link: number;
  /** as its data file, else as its backing file */
  data: boolean;
}

/** LayersAttachReply is the chain with it, or why it does not belong there. */
export interface LayersAttachReply {
  attached: boolean;
  refused: string;
  chain: LayersChainReply;
}

/** LayersDetachRequest takes a file out of the chain, and with a backing file all below it. */
export interface LayersDetachRequest {
  /** that names it */
  link: number;
  data: boolean;
}

/**
 * LayersFall tells which file decides what the guest reads. Each call looks at some more of
 * the disk, until Done is Total.
 */
export interface LayersFall {
  /** bytes of the disk */
  done: number;
  total: number;
  /** bytes that each link of the chain decides */
  links: number[];
  /** bytes that no file holds */
  zeros: number;
  /** bytes that come from a file that is not given */
  missing: number;
  /** bytes that damaged entries map */
  unreadable: number;
}

/** LayersGuestRequest asks for bytes of the disk as the guest reads them, through the chain. */
export interface LayersGuestRequest {
  /** hex */
  offset: string;
  /** at most 4096 */
  length: number;
}

/** LayersGuestReply is these bytes, fewer where they cannot be read. */
export interface LayersGuestReply {
  /** two hex digits a byte */
  bytes: string;
  /** there are fewer, "" if there are not */
  why: string;
  /** like the start of what, "" if like nothing known */
  looks: string;
  /** that decides the first byte, -1 if none does */
  link: number;
}

/**
 * MapTileRequest asks for a tile: 1024 by 1024 cells, in order "along" 1024*1024 cells in a
 * row. It crosses as a Uint8Array of two bytes a cell, in rows of as many cells as the level
 * has, at most 1024; order "along" is broken into such rows, and the last is filled up with
 * cells of 0xffff, which lie past the end. A tile that does not exist is empty.
 *
 * The first byte of a cell holds in the low five bits the kind of most of its clusters (kind
 * 0 only where there is nothing else), and in the high three the worst severity (0 none, 1
 * note, 2 waste, 3 warning, 4 damage, 5 danger). Kinds: of hosts indices in Owners, of guests
 * in GuestKinds, of links in LayerKinds, of dirty ones in DirtyKinds. The second byte of hosts and guests holds in the high
 * four bits how much is in use, of 15, and of hosts in the low four the highest number of
 * references, as an index in ReferenceSteps. In space "links" the high three bits of the first
 * byte are how many clusters do not follow the one before them on the disk, of 7, and the
 * second byte is where on the disk the first one lies: 1 at the start to 255 at the end.
 */
export interface MapTileRequest {
  space: string;
  layer: number;
  /** along, rows */
  order: string;
  level: number;
  /** of tiles */
  x: number;
  y: number;
  /**
   * Clusters is how many are shown, all if 0: a map may leave out the free ones at the end.
   * The plane is one of so many clusters.
   */
  clusters: number;
}

/**
 * GuestKinds are the kinds of guest clusters. What an image says nothing about is "nothing";
 * it comes from the parent if the image has one.
 */
export const GuestKinds = [
  'nothing',
  'data',
  'compressed',
  'zero',
  'unreadable',
  'unknown',
] as const;

/** One of GuestKinds. */
export type GuestKind = (typeof GuestKinds)[number];

/** DirtyKinds are what a bitmap says of guest clusters. */
export const DirtyKinds = [
  'clean',
  'dirty',
  'unknown',
] as const;

/** One of DirtyKinds. */
export type DirtyKind = (typeof DirtyKinds)[number];

/**
 * LayerKinds are who has a host cluster; those behind "shared" and "snapshots" are the single
 * snapshots.
 */
export const LayerKinds = [
  'none',
  'tables',
  'active',
  'shared',
  'snapshots',
  'snapshot-1',
  'snapshot-2',
  'snapshot-3',
  'snapshot-4',
  'snapshot-5',
  'snapshot-6',
  'snapshot-7',
  'snapshot-8',
  'snapshot-9',
  'snapshot-10',
  'snapshot-later',
] as const;

/** One of LayerKinds. */
export type LayerKind = (typeof LayerKinds)[number];

/** ReferenceSteps are the numbers of references of each step of a cell. */
export const ReferenceSteps = [
  '0',
  '1',
  '2',
  '3',
  '4',
  '5 to 8',
  '9 to 16',
  '17 to 64',
  '65 to 254',
  '255 or more',
] as const;

/** One of ReferenceSteps. */
export type ReferenceStep = (typeof ReferenceSteps)[number];

/**
 * MapPinsRequest asks for what is wrong in a block of 32 by 32 cells, in order "along" of 1024
 * cells in a row. X and Y are those of the block.
 */
export interface MapPinsRequest {
  space: string;
  layer: number;
  order: string;
  level: number;
  x: number;
  y: number;
  /** as for tiles */
  clusters: number;
}

/** MapCellRequest asks for one of the worst clusters of a cell. */
export interface MapCellRequest {
  space: string;
  layer: number;
  order: string;
  level: number;
  /** of the cell; its number in order "along" */
  x: number;
  y: number;
  /** as for tiles */
  clusters: number;
}

/** MapCellReply is that cluster, -1 when there is no such cell. */
export interface MapCellReply {
  cluster: number;
}

/**
 * MapScan tells how far the reading of all L2 tables is, on which spaces "guest" and "links"
 * depend. Each call reads some more, until Done is Total.
 */
export interface MapScan {
  /** tables */
  done: number;
  total: number;
  /** false when there is more than can be kept, or some could not be read */
  complete: boolean;
  /** which clusters belong together is known */
  linked: boolean;
}

/** MapTotalsRequest asks for the counts of a whole space. */
export interface MapTotalsRequest {
  space: string;
  layer: number;
}

/** MapTotals count clusters. */
export interface MapTotals {
  clusters: number;
  /** the first cluster behind the last that is not of kind 0, or not fine */
  end: number;
  /** of kind 0, with which nothing is wrong */
  nothing: number;
  /** by kind */
  kinds: number[];
  /** by severity as in a cell */
  severities: number[];
  /** by index in ReferenceSteps; of hosts only */
  references: number[];
}

/**
 * MapLinksRequest asks which clusters of the other space belong to clusters of one: to a run
 * of them, or to a rectangle of a map in rows, which is several runs.
 */
export interface MapLinksRequest {
  /** host, guest */
  space: string;
  first: number;
  /** of a row */
  count: number;
  /** 0 or 1 is a single run */
  rows: number;
  /** from the beginning of a row to that of the next */
  stride: number;
}

/** MapRunsRequest asks for the table that says what the picture shows. */
export interface MapRunsRequest {
  space: string;
  layer: number;
  first: number;
  /** at most 100 */
  count: number;
  /** only these; all, if empty */
  kinds: number[];
  /** only where something is wrong */
  troubled: boolean;
}

/** MapRunsReply is a page of it. */
export interface MapRunsReply {
  runs: MapRun[];
  /** where to go on, -1 at the end */
  next: number;
}

/** MapRun is clusters side by side of one kind and severity. */
export interface MapRun {
  first: number;
  count: number;
  kind: number;
  /** as in a cell */
  severity: number;
}

/**
 * MapSubclustersRequest asks for the states of subclusters. They cross as a Uint8Array, 32
 * for each cluster, of indices in SubclusterStates; with plain L2 entries one.
 */
export interface MapSubclustersRequest {
  /** host, guest */
  space: string;
  layer: number;
  first: number;
  /** at most 1024 clusters */
  count: number;
}

/**
 * SubclusterStates are the states of subclusters. "none" is that of host clusters that no L2
 * entry points to.
 */
export const SubclusterStates = [
  'unallocated',
  'unallocated-host',
  'zero',
  'zero-allocated',
  'data',
  'compressed',
  'invalid',
  'none',
] as const;

/** One of SubclusterStates. */
export type SubclusterState = (typeof SubclusterStates)[number];

/** MapLayersRequest asks for a page of the layers whose guest map can be shown. */
export interface MapLayersRequest {
  first: number;
  /** at most 100 */
  count: number;
}

/** MapLayersReply is that page. */
export interface MapLayersReply {
  total: number;
  layers: MapLayer[];
}

/** MapLayer is the active layer or a snapshot. */
export interface MapLayer {
  layer: number;
  /** of the snapshot */
  id: string;
  name: string;
  /** of its virtual disk */
  clusters: number;
}

/** GuestClusterRequest asks about one guest cluster. */
export interface GuestClusterRequest {
  cluster: number;
  layer: number;
}

/** GuestClusterView is what each layer says of a guest cluster. */
export interface GuestClusterView {
  cluster: number;
  /** hex offset */
  guest: string;
  length: number;
  /** of GuestKinds */
  kind: string;
  /** the layer asked for first, then the others that differ from it; at most 65 */
  entries: GuestEntry[];
  /** layers with the same entry as the one asked for */
  same: number;
  moreEntries: boolean;
  /** 32 of SubclusterStates; empty without extended L2 entries */
  subclusters: string[];
}

/** GuestEntry is what one layer's tables say of a guest cluster. */
export interface GuestEntry {
  layer: number;
  /** "active layer", "snapshot 1 (name)" */
  name: string;
  /** "l1[0]", "l2[0][5]" */
  field: string;
  /** hex file offset of the entry, "" if it has none */
  at: string;
  /** raw value, hex */
  entry: string;
  bitmap: string;
  /** of GuestKinds */
  kind: string;
  /** hex offset, "" if none */
  host: string;
  bits: NamedBits[];
}

/** NamedBits is a field of an entry. */
export interface NamedBits {
  name: string;
  value: string;
}

/** PlanRequest asks for a repair plan. */
export interface PlanRequest {
  /** leaks, all, rebuild */
  scope: string;
  /** codes whose lossy or interpreting repairs the user consents to */
  accept: string[];
  /** what is not to be mended, at most one rule a code */
  leave: LeaveRule[];
  /** Redirect has nothing that is live overwritten, as far as that can be done. */
  redirect: boolean;
}

/**
 * LeaveRule says what of a group is left as it is: all of it but the findings with these IDs,
 * or these only. A group of which single findings are to be mended must have at most 10,000.
 */
export interface LeaveRule {
  code: string;
  all: boolean;
  ids: string[];
}

/** NotLeft are findings that were to be left, and are gone with the plan all the same. */
export interface NotLeft {
  code: string;
  severity: string;
  title: string;
  /** half a sentence */
  because: string;
  /** of the single ones; empty if all of the group were to be left */
  ids: string[];
}

/**
 * EffectReply is what the plan that was made last, or the applied changes, do to what the
 * guest reads from the active disk.
 */
export interface EffectReply {
  /** that read otherwise, the first 100 */
  ranges: EffectRange[];
  more: boolean;
  /** of all of them */
  bytes: number;
  /** bytes of them that could not be compared */
  unknown: number;
  /** bytes of them that could not be read before, and can be then */
  regained: number;
  /** of the disk, bytes, decimal */
  sizeBefore: string;
  sizeAfter: string;
}

/** EffectRange is a part of the disk that reads otherwise. */
export interface EffectRange {
  /** hex offset */
  guest: string;
  length: number;
  /** data, zeros, parent, error */
  before: string;
  after: string;
  unknown: boolean;
}

/** VerifyReply holds the check of the file against one of the changed image, made anew. */
export interface VerifyReply {
  before: CheckCounts;
  after: CheckCounts;
}

/** CheckCounts are what `qemu-img check` counts, and the findings that are ours beside. */
export interface CheckCounts {
  corruptions: number;
  leaks: number;
  checkErrors: number;
  exitCode: number;
  /** findings above a note that QEMU does not count */
  beyond: number;
}

/**
 * WrittenRequest asks which host clusters the plan that was made last, or the applied changes,
 * write to: those of the range. It crosses as a Float64Array of pairs: the first cluster of a
 * run, and how many it has; ascending, at most 4096 runs.
 */
export interface WrittenRequest {
  first: number;
  count: number;
}

/** OpenRequest describes the file that the host has attached. */
export interface OpenRequest {
  /** shown, never interpreted */
  name: string;
}

/** Problem is why something could not be done, in the words a user needs. */
export interface Problem {
  /** not-qcow2, header, read, changed, cancelled, memory, unsupported, internal */
  kind: string;
  /** one sentence: what happened */
  title: string;
  /** header field or file offset; "" if it does not apply */
  where: string;
  /** what to do now */
  advice: string;
  /** technical cause, for a bug report */
  detail: string;
}

/** Info is what the header says, known right after opening. */
export interface Info {
  name: string;
  /** bytes */
  fileSize: number;
  /** bytes, decimal: a damaged header may hold anything */
  virtualSize: string;
  version: number;
  clusterBits: number;
  clusterSize: number;
  refcountBits: number;
  extendedL2: boolean;
  /** zlib, zstd */
  compression: string;
  dirty: boolean;
  corrupt: boolean;
  lazyRefcounts: boolean;
  /** none, aes, luks */
  encryption: string;
  backingFile: string;
  backingFormat: string;
  dataFile: string;
  snapshots: number;
  bitmaps: number;
  /** clusters in the file, the last may be cut short */
  hostClusters: number;
  header: HeaderField[];
}

/** HeaderField is one field of the header, for the table in the Summary. */
export interface HeaderField {
  /** as the specification spells it */
  name: string;
  /** byte offset in the file */
  offset: number;
  length: number;
  /** hex */
  value: string;
  /** in words */
  meaning: string;
}

/** OpenReply is either an image or the reason why there is none. */
export interface OpenReply {
  opened: boolean;
  info: Info;
  /** set when !Opened */
  problem: Problem;
}

/** CheckRequest asks for the check of the image as it is now. */
export interface CheckRequest {
  /** decode every compressed cluster, too */
  deep: boolean;
}

/** Progress is one report of a running check. Done and Total count the phase's own unit. */
export interface Progress {
  /** header, snapshots, tables, refcounts, compare, flags, findings, streams (of a deep check; in bytes of the file) */
  phase: string;
  done: number;
  total: number;
  /** so far */
  findings: number;
}

/** Verdict is the result of a check of the image as it is now, that is with the applied plan, if any. */
export interface Verdict {
  /** healthy, wasteful, unclean, newer, damaged, data-missing, unreadable */
  state: string;
  /** plain words, one sentence */
  headline: string;
  /** what to do now, one or two sentences */
  advice: string;
  corruptions: number;
  leaks: number;
  checkErrors: number;
  /** what `qemu-img check` exits with */
  exitCode: number;
  /** of the virtual disk */
  totalClusters: number;
  allocated: number;
  fragmented: number;
  compressed: number;
  imageEnd: number;
  /** a plan would mend something, if need be by consent */
  repairable: boolean;
  /** this is the image after the plan */
  applied: boolean;
  /** compressed clusters that a deep check decoded, -1 when it was not one */
  streams: number;
  /** a read failed or the check was cancelled: what was found so far */
  incomplete: boolean;
  /** why, when incomplete */
  problem: Problem;
  groups: FindingGroup[];
  /** where the file's bytes go, largest first */
  usage: Usage[];
  /** what the header says now: a repair may change it */
  info: Info;
}

/** Usage is the share of the file that one owner has. */
export interface Usage {
  /** an Owner name, see Owners */
  owner: string;
  clusters: number;
  bytes: number;
}

/** FindingGroup is all findings of one code. */
export interface FindingGroup {
  /** stable: leaked-cluster, refcount-too-low, ... */
  code: string;
  /** danger, damage, warning, waste, note */
  severity: string;
  /** corruption, leak, error, beyond: how `qemu-img check` counts it */
  class: string;
  /** all of them */
  count: number;
  /** findings: one may count many times */
  places: number;
  /** how many of these can be paged through */
  kept: number;
  /** what, in plain words */
  title: string;
  /** what it means for the user */
  meaning: string;
  /** what repair does about it, or why it does nothing */
  cure: string;
  /** by a plan without consent */
  mendable: boolean;
  /** or where the rest of the file leaves no doubt */
  mayMend: boolean;
  /** what accepting its repair (PlanRequest.Accept) chooses or gives up; "" if there is no such repair */
  consent: string;
}

/** Owners are who may have a host cluster, in the order of the kinds of a MapTileRequest. */
export const Owners = [
  'free',
  'header',
  'l1',
  'l2',
  'reftable',
  'refblock',
  'data',
  'compressed',
  'zero',
  'snapshot-table',
  'snapshot-l1',
  'snapshot-l2',
  'snapshot-data',
  'bitmap',
  'crypto',
  'leaked',
  'hole',
] as const;

/** One of Owners. */
export type Owner = (typeof Owners)[number];

/** ClusterRequest asks about one host cluster. */
export interface ClusterRequest {
  /** host cluster index */
  cluster: number;
}

/** ClusterView is all that is known about a host cluster. */
export interface ClusterView {
  cluster: number;
  /** hex offset */
  host: string;
  length: number;
  /** an Owner name */
  owner: string;
  /** in words: "L2 table of guest 0x0..0x20000000" */
  ownerText: string;
  /** refcount on disk, or "unreadable" */
  stored: string;
  /** references found */
  counted: string;
  /** "" if nothing is wrong */
  severity: string;
  /** who points here, at most 100 */
  claims: Claim[];
  moreClaims: boolean;
  /** that concern this cluster, at most 20 */
  findings: FindingView[];
  /** 32 of SubclusterStates; empty without extended L2 entries */
  subclusters: string[];
}

/** Claim is one pointer to a host cluster. */
export interface Claim {
  /** "active", "snapshot 1 (name)", "reftable", "header" */
  from: string;
  /** 0 the active one, n the nth snapshot, -1 none */
  layer: number;
  /** "l2[0][5]", "reftable[0]", ... */
  field: string;
  /** hex file offset of the pointer, "" if it has none */
  at: string;
  /** raw value, hex */
  entry: string;
  /** hex guest offset, "" if it maps none */
  guest: string;
  /** normal, zero, compressed, table */
  kind: string;
}

/** PlanView sums up a plan. The writes are paged with WritesRequest. */
export interface PlanView {
  scope: string;
  /** nothing to do */
  empty: boolean;
  steps: PlanStep[];
  writes: number;
  /** that differ from the file or are new */
  bytes: number;
  batches: number;
  sizeBefore: number;
  sizeAfter: number;
  /** what the plan does not mend, and why */
  left: FindingGroup[];
  /** what it mends although it was to be left */
  notLeft: NotLeft[];
  /** guest ranges that are not in the file any more and read as zeros; the first 100 */
  lost: GuestRange[];
  /** of all of them */
  lostBytes: number;
  redirected: Redirected;
}

/** GuestRange is a part of the virtual disk. */
export interface GuestRange {
  /** hex offset */
  guest: string;
  /** hex */
  length: string;
}

/** PlanStep is what a plan does, in words: one line a kind of change. */
export interface PlanStep {
  /** the finding's code it mends */
  code: string;
  text: string;
  count: number;
}

/** WritesRequest asks for a page of the plan's writes. */
export interface WritesRequest {
  from: number;
  /** at most 100 */
  count: number;
}

/** WritesReply is that page. */
export interface WritesReply {
  writes: WriteView[];
}

/** WriteView is one write of a plan. Old and New hold at most the first 64 bytes that differ, as hex. */
export interface WriteView {
  /** batch n is durable before batch n+1 */
  batch: number;
  offset: string;
  length: number;
  /** offset of the first differing byte */
  at: string;
  old: string;
  new: string;
  why: string;
}

/**
 * PlanFileRequest asks for the plan that was made last, or that is applied, as a file for
 * `qcowscope apply`; it crosses as a Uint8Array of JSON.
 */
export interface PlanFileRequest {
  /** the plan that leads from the repaired image back to the file */
  undo: boolean;
}

/** BytesRequest asks for bytes of the image as it is now; they cross as a Uint8Array, shorter at the end. */
export interface BytesRequest {
  offset: number;
  /** at most 65536 */
  length: number;
}

/** Redirected is what becomes of a plan that is to overwrite nothing that is live. */
export interface Redirected {
  /** the plan that is shown is the redirected one */
  on: boolean;
  /** why it is not, though that was asked for; "" if it is or was not asked for */
  cannot: string;
  /** what is overwritten in place all the same */
  unsafe: string[];
  /** tables and clusters with a new place */
  moved: number;
  /** of them */
  tableBytes: number;
  /** of them */
  dataBytes: number;
  /** that were free and are taken */
  clusters: number;
  /** in order, each durable before the next */
  batches: RedirectBatch[];
  /** of the log, see RedirectLogRequest */
  records: number;
}

/** RedirectBatch is a batch of a redirected plan. */
export interface RedirectBatch {
  /** free (clusters), header (a step of the switch), late (what nobody refers to any more), cut (the end of the file) */
  kind: string;
  writes: number;
  bytes: number;
}

/** RedirectLogRequest asks for a page of the log of the plan that was made last. */
export interface RedirectLogRequest {
  /** repair, lab, write */
  of: string;
  from: number;
  /** at most 100 */
  count: number;
}

/** RedirectLogReply is that page. */
export interface RedirectLogReply {
  records: RedirectRecord[];
}

/** RedirectRecord is a line of the log. */
export interface RedirectRecord {
  /** alloc, copy, write, update, count, free, late, header, commit */
  op: string;
  /** hex offset in the file; "" of a commit */
  at: string;
  /** what is done, to what */
  text: string;
}

/** WriteApplyRequest asks for a request of the guest to be applied. */
export interface WriteApplyRequest {
  write: WriteRequest;
  /** so that it overwrites nothing that is live */
  redirect: boolean;
}

/**
 * TakeRequest begins to take a file out of the page. Its pieces are then asked for one after
 * another (takeNext), until one is empty; takeEnd ends it before that, too.
 */
export interface TakeRequest {
  /** patch, undo-patch, skeleton */
  what: string;
  /**
   * Keep says what of the user's a skeleton keeps: snapshots, bitmaps, backing, data-file
   * (their names), extensions, bitmap-data, luks.
   */
  keep: string[];
  /** of a skeleton: its name in a tar archive, ASCII; "" for no archive */
  tar: string;
}

/** TakeView is what is known of the file beforehand. */
export interface TakeView {
  /** its length with holes, -1 if that is not known */
  size: number;
  skeleton: SkeletonView;
}

/** SkeletonView is what a metadata-only copy keeps and leaves out, in bytes of the file. */
export interface SkeletonView {
  tables: number;
  data: number;
  /** these clusters cannot be decoded in the copy */
  compressed: number;
  unused: number;
  bitmapData: number;
  /** key material was left out */
  keys: boolean;
  /** that became others */
  names: number;
  /** a check finds in the copy what it finds in the image */
  same: boolean;
}

/** ReportFileRequest asks for the report of the image as it is now; it crosses as a Uint8Array. */
export interface ReportFileRequest {
  /** html, text */
  form: string;
  /** in words, for the page to print */
  when: string;
}

/** WriteRequest is one request of the guest. */
export interface WriteRequest {
  /** guest bytes */
  offset: number;
  length: number;
  /** write, zero, discard */
  kind: string;
  /** of zero: clusters may be given back */
  unmap: boolean;
  /** of write: every byte, 0 to 255 */
  fill: number;
}

/**
 * WriteOpenReply is what is known before any request: it has been looked where the first free
 * cluster is, so that plans come fast.
 */
export interface WriteOpenReply {
  /** why QEMU writes nothing at all to this image */
  stop: WriteStop;
  /** bytes of it that requests can name */
  disk: number;
}

/** WritePlanRequest asks what a request would do to the image as it is now. Nothing is applied. */
export interface WritePlanRequest {
  write: WriteRequest;
  /** the guest clusters that are shown one by one */
  first: number;
  /** at most 64 */
  count: number;
}

/**
 * WritePlanReply is what it does. Lists hold the first 100 things, and those of the clusters
 * that are shown.
 */
export interface WritePlanReply {
  /** if its title is not empty, nothing was planned */
  stop: WriteStop;
  words: string;
  /** those of the request that are shown */
  clusters: WriteCluster[];
  /** guest clusters */
  touched: number;
  /** what is copied, and what is left alone */
  pieces: WritePiece[];
  /** where data is written, and what is allocated */
  extents: WriteExtent[];
  /** refcounts that change */
  counts: WriteRefcount[];
  steps: WriteStep[];
  totals: WriteTotals;
  /**
   * Remarks are what a zero write cannot express, what a discard ignores; Dangers are signs
   * of damage that the request meets.
   */
  remarks: string[];
  dangers: string[];
  /** Barred is why it cannot be applied here; "" if it can. */
  barred: string;
}

/** WriteStop is why a request, or any, is not taken. */
export interface WriteStop {
  /** "" when there is no reason */
  title: string;
  /** what is wrong with an entry, state by state */
  why: string;
  /** what to do about it */
  cure: string;
  /** hex offset of the cluster, "" if it does not apply */
  guest: string;
  /** hex file offset of the entry */
  at: string;
  /** raw value, hex */
  entry: string;
  /** Bitmap is the second word of an extended entry. */
  bitmap: string;
}

/** WriteDeeds are what can happen to a subcluster: bit i of a deed stands for the ith. */
export const WriteDeeds = [
  'copied',
  'decompressed',
  'backing',
  'filled',
  'written',
  'flagged',
] as const;

/** One of WriteDeeds. */
export type WriteDeed = (typeof WriteDeeds)[number];

/**
 * WriteCluster is a guest cluster before, during and after a request. Before and After are
 * strings of digits, indices in SubclusterStates: 32 with extended L2 entries, else one. Deeds
 * has two hex digits for each.
 */
export interface WriteCluster {
  cluster: number;
  before: string;
  deeds: string;
  after: string;
  entryBefore: WriteEntry;
  entryAfter: WriteEntry;
}

/** WriteEntry is an L2 entry. */
export interface WriteEntry {
  /** 16 hex digits */
  word: string;
  /** unallocated, zero, zero-allocated, normal, compressed */
  kind: string;
  /** hex offset, "" if it names no cluster */
  host: string;
  /** the cluster is used by nobody else */
  copied: boolean;
  /** 8 hex digits, bit i for subcluster i; "" without extended L2 entries */
  alloc: string;
  zero: string;
}

/** WritePiece is guest bytes beside those that are written. */
export interface WritePiece {
  guest: number;
  length: number;
  /** copied, decompressed, backing, filled: where the bytes come from; skipped */
  deed: string;
  /** hex offset of what is copied, "" if it is not in the file */
  host: string;
  /** it is skipped */
  why: string;
}

/** WriteExtent is a part of the file that the request writes, or allocates. */
export interface WriteExtent {
  /** in-place, data, l2-table, refblock, reftable */
  what: string;
  /** of data: the bytes of the guest */
  guest: number;
  length: number;
  /** hex offset of the first cluster */
  host: string;
  /** of all clusters, in bytes */
  size: number;
  /** L2 entries change */
  linked: boolean;
}

/** WriteRefcount is the stored refcount of a host cluster before and after. */
export interface WriteRefcount {
  cluster: number;
  /** decimal */
  before: string;
  after: string;
}

/** WriteStep is one thing that happens. */
export interface WriteStep {
  text: string;
  /** "" if it is none; qemu: QEMU waits here, too; plan: only the plan does */
  barrier: string;
  /** it is about the guest's bytes, not the image's tables */
  data: boolean;
}

/** WriteTotals are bytes and counts. */
export interface WriteTotals {
  /** by the guest */
  written: number;
  copied: number;
  /** filled up with zeros */
  zeroed: number;
  /** bytes of new clusters for data */
  allocated: number;
  /** L2 entries that change */
  entries: number;
  refcounts: number;
  /** new L2 tables */
  tables: number;
  steps: number;
  pieces: number;
  extents: number;
}

/** WriteEvent is a write that is added to those in flight, or one that finishes. */
export interface WriteEvent {
  /** number of the write, from 1; 0: Write is added */
  finish: number;
  write: WriteRequest;
}

/**
 * WriteQueueRequest asks how writes that are in flight at once get along, from the image as it
 * is now.
 */
export interface WriteQueueRequest {
  /** at most 64 */
  events: WriteEvent[];
}

/** WriteQueueReply tells of each write where it is after these events. */
export interface WriteQueueReply {
  /** what ended the queue */
  stop: WriteStop;
  writes: QueuedWrite[];
  /** all are written */
  done: boolean;
  /** why they cannot be applied here; "" if they can */
  barred: string;
}

/** QueuedWrite is one of several writes. */
export interface QueuedWrite {
  number: number;
  words: string;
  offset: number;
  length: number;
  /** flying, waits, done */
  state: string;
  /** ascending */
  parts: QueuedPart[];
  /** With is 0 if it does not wait */
  waits: WriteMeets;
  /** where it was stopped short; what follows was looked up anew */
  cuts: WriteMeets[];
}

/** QueuedPart is bytes of a queued write. */
export interface QueuedPart {
  guest: number;
  length: number;
  /** written, flying, waits */
  state: string;
  /** Keeps are the guest bytes that no other write can have meanwhile; 0 long if there are none. */
  keepsFrom: number;
  keeps: number;
  /** hex offset, "" while it waits */
  host: string;
  /** in clusters that exist already */
  inPlace: boolean;
}

/** WriteMeets is a write that meets one in flight. */
export interface WriteMeets {
  /** number of the other */
  with: number;
  /** the first byte that must wait */
  at: number;
  /** the guest bytes that the other keeps */
  from: number;
  length: number;
  words: string;
}

/** WriteStatesRequest asks for the states that subclusters can have. */
export interface WriteStatesRequest {
  /** however many tables must be read for it */
  count: boolean;
}

/** WriteStatesReply are those of an image of this kind. */
export interface WriteStatesReply {
  states: WriteState[];
  /** the counts are those of the whole disk */
  counted: boolean;
  /** L2 tables that must be read for them */
  tables: number;
}

/** WriteState is what host offset, zero bit and allocation bit say together. */
export interface WriteState {
  name: string;
  /** index in SubclusterStates */
  kind: number;
  host: boolean;
  zero: boolean;
  alloc: boolean;
  valid: boolean;
  reads: string;
  meaning: string;
  /** of the finding, "" for valid ones */
  code: string;
  /** what is proposed */
  repair: string;
  /** of subclusters, or clusters, in the active layer */
  count: number;
  /** guest offset of the first of them, -1 if there is none */
  example: number;
}

/** WriteTraceRequest asks what a trace of writes costs with every cluster size. */
export interface WriteTraceRequest {
  text: string;
  /** empty, backed, allocated, shared */
  initial: string;
}

/** WriteTraceReply is the answer. */
export interface WriteTraceReply {
  /** what in the trace cannot be understood; nothing else is set then */
  trouble: string;
  format: string;
  writes: number;
  /** lines that are no writes */
  other: number;
  written: number;
  /** ascending cluster sizes, those without subclusters first */
  setups: WriteSetup[];
  advice: string;
}

/** WriteSetup is what a trace costs in one kind of image. All but Factor are bytes. */
export interface WriteSetup {
  cluster: number;
  extended: boolean;
  advised: boolean;
  copied: number;
  zeroed: number;
  metadata: number;
  structures: number;
  allocated: number;
  /** bytes written for each byte of the guest */
  factor: number;
}
