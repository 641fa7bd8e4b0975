import type {
  HexChangeReply,
  HexChangeRequest,
  HexFieldReply,
  HexFieldRequest,
  HexReply,
  HexRequest,
} from './protocol.gen';

/** The operations of the Hex part. */
export interface HexOps {
  hex: {request: HexRequest; reply: HexReply};
  hexField: {request: HexFieldRequest; reply: HexFieldReply};
  hexChange: {request: HexChangeRequest; reply: HexChangeReply};
}
