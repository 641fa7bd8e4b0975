import type {
  CrashJudgeRequest,
  CrashPlaceReply,
  CrashRequest,
  CrashState,
  CrashStateRequest,
  CrashView,
  RedirectLogReply,
  RedirectLogRequest,
  Redirected,
  Verdict,
  WriteRequest,
} from './protocol.gen';

/** How a plan is redirected, and what crashes leave. */
export interface RedirectOps {
  redirectLog: {request: RedirectLogRequest; reply: RedirectLogReply};
  redirectWrite: {request: WriteRequest; reply: Redirected};
  crash: {request: CrashRequest; reply: CrashView};
  crashJudge: {request: CrashJudgeRequest; reply: Float64Array<ArrayBuffer>};
  crashPlace: {request: undefined; reply: CrashPlaceReply};
  crashState: {request: CrashStateRequest; reply: CrashState};
  crashOpen: {request: CrashStateRequest; reply: Verdict};
  crashFile: {request: CrashStateRequest; reply: Uint8Array<ArrayBuffer>};
}
