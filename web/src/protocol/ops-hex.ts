import type {
  HexChangeReply,
  HexChangeRequest,
  HexFindReply,
  HexFindRequest,
  HexFieldReply,
  HexFieldRequest,
  HexReply,
  HexRequest,
} from './protocol.gen';

/** The operations of the Hex part. */
export interface HexOps {
  hex: {request: HexRequest; reply: HexReply};
  hexField: {request: HexFieldRequest; reply: HexFieldReply};
  hexFind: {request: HexFindRequest; reply: HexFindReply};
  hexChange: {request: HexChangeRequest; reply: HexChangeReply};
}
