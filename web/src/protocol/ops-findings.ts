import type {
  EffectReply,
  FindingsAtReply,
  FindingsAtRequest,
  JudgeReply,
  JudgeRequest,
  VerifyReply,
  WrittenRequest,
} from './protocol.gen';

/** The operations of Findings and Repair beside the first ones. */
export interface FindingsOps {
  findingsAt: {request: FindingsAtRequest; reply: FindingsAtReply};
  judge: {request: JudgeRequest; reply: JudgeReply};
  effect: {request: undefined; reply: EffectReply};
  verify: {request: undefined; reply: VerifyReply};
  written: {request: WrittenRequest; reply: Float64Array<ArrayBuffer>};
}
