import type {
  Verdict,
  WriteApplyRequest,
  WriteOpenReply,
  WritePlanReply,
  WritePlanRequest,
  WriteQueueReply,
  WriteQueueRequest,
  WriteStatesReply,
  WriteStatesRequest,
  WriteTraceReply,
  WriteTraceRequest,
} from './protocol.gen';

/** The operations of the simulator of guest writes. */
export interface WriteOps {
  writeOpen: {request: undefined; reply: WriteOpenReply};
  writePlan: {request: WritePlanRequest; reply: WritePlanReply};
  writeApply: {request: WriteApplyRequest; reply: Verdict};
  writeQueue: {request: WriteQueueRequest; reply: WriteQueueReply};
  writeQueueApply: {request: WriteQueueRequest; reply: Verdict};
  writeStates: {request: WriteStatesRequest; reply: WriteStatesReply};
  writeTrace: {request: WriteTraceRequest; reply: WriteTraceReply};
}
