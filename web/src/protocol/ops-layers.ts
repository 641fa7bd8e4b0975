import type {
  LayersAttachReply,
  LayersAttachRequest,
  LayersBitmapsReply,
  LayersBitmapsRequest,
  LayersChainReply,
  LayersDetachRequest,
  LayersDirtyReply,
  LayersDirtyRequest,
  LayersFall,
  LayersFreed,
  LayersFreedRequest,
  LayersGuestReply,
  LayersGuestRequest,
  LayersScan,
  LayersSizes,
  LayersSnapshotsReply,
  LayersSnapshotsRequest,
  LayersStripRequest,
} from './protocol.gen';

/** The operations of the Layers part. */
export interface LayersOps {
  layersScan: {request: undefined; reply: LayersScan};
  layersSizes: {request: undefined; reply: LayersSizes};
  layersSnapshots: {request: LayersSnapshotsRequest; reply: LayersSnapshotsReply};
  layersFreed: {request: LayersFreedRequest; reply: LayersFreed};
  layersBitmaps: {request: LayersBitmapsRequest; reply: LayersBitmapsReply};
  layersStrip: {request: LayersStripRequest; reply: Uint8Array<ArrayBuffer>};
  layersDirty: {request: LayersDirtyRequest; reply: LayersDirtyReply};
  layersChain: {request: undefined; reply: LayersChainReply};
  layersAttach: {request: LayersAttachRequest; reply: LayersAttachReply};
  layersDetach: {request: LayersDetachRequest; reply: LayersChainReply};
  layersFall: {request: undefined; reply: LayersFall};
  layersGuest: {request: LayersGuestRequest; reply: LayersGuestReply};
}
