import type {
  LabCounts,
  LabCountsRequest,
  LabLaneRequest,
  LabReply,
  LabRequest,
  LabStepsRequest,
  LabWordsReply,
  LabWordsRequest,
  Verdict,
} from './protocol.gen';

/** The operations of the Lab. */
export interface LabOps {
  labTrace: {request: LabRequest; reply: LabReply};
  labSteps: {request: LabStepsRequest; reply: Float64Array<ArrayBuffer>};
  labWords: {request: LabWordsRequest; reply: LabWordsReply};
  labOldTable: {request: undefined; reply: Float64Array<ArrayBuffer>};
  labLane: {request: LabLaneRequest; reply: Uint8Array<ArrayBuffer>};
  labCounts: {request: LabCountsRequest; reply: LabCounts};
  labApply: {request: undefined; reply: Verdict};
}
