import type {Op} from '../protocol/ops';

/** What the page needs to show the verdict, the map and the findings; see wasm/browser. */
export const FIRST: ReadonlySet<Op> = new Set<Op>([
  'open', 'check', 'findings', 'cluster', 'guestCluster', 'mapTile', 'mapPins', 'mapCell', 'mapScan', 'mapTotals', 'mapRuns',
  'mapLayers', 'mapLinks', 'mapSubclusters',
]);

/** What applies a plan, and what makes it. */
export const APPLIES = new Map<Op, Op>([
  ['apply', 'plan'],
  ['labApply', 'labTrace'],
  ['crashOpen', 'crash'],
  ['writeApply', 'writePlan'],
  ['writeQueueApply', 'writeQueue'],
]);
export const PLANS: ReadonlySet<Op> = new Set(APPLIES.values());

/** What a user may want to stop. */
export const LONG: ReadonlySet<Op> = new Set<Op>([
  'open', 'check', 'plan', 'apply', 'undo', 'labTrace', 'labApply', 'crash', 'crashJudge', 'crashState', 'crashOpen', 'take',
  'takeNext', 'writeApply', 'writeQueueApply', 'writeStates', 'writeTrace', 'effect', 'verify', 'findingsAt',
]);
