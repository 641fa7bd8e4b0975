import type {RedirectOps} from '../src/protocol/ops-redirect';
import type {CrashState, Redirected} from '../src/protocol/protocol.gen';
import type {Replies} from './fake-core';

export const notRedirected: Redirected = {
  on: false,
  cannot: '',
  unsafe: [],
  moved: 0,
  tableBytes: 0,
  dataBytes: 0,
  clusters: 0,
  batches: [],
  records: 0,
};

const crashState: CrashState = {
  flight: 0,
  sectors: 0,
  of: 1,
  torn: 0,
  outcome: 'old',
  guest: 'old',
  problem: {kind: '', title: '', where: '', advice: '', detail: ''},
  state: 'healthy',
  corruptions: 0,
  leaks: 0,
  checkErrors: 0,
  worse: [],
  findings: [],
  landings: [],
};

/** A change that writes nothing has no crash states. */
export const redirectReplies: Pick<Replies, Exclude<keyof RedirectOps, 'crashOpen'>> = {
  redirectLog: () => ({records: []}),
  redirectWrite: () => notRedirected,
  crash: () => ({blocked: [], empty: true, cannot: '', sides: [], sameGuest: true, compared: 0}),
  crashJudge: () => new Float64Array(),
  crashPlace: () => ({offset: '0x0'}),
  crashState: () => crashState,
  crashFile: () => new TextEncoder().encode('{}'),
};
