import type {
  GuestClusterRequest,
  GuestClusterView,
  MapCellReply,
  MapCellRequest,
  MapLayersReply,
  MapLayersRequest,
  MapLinksRequest,
  MapPinsRequest,
  MapRunsReply,
  MapRunsRequest,
  MapScan,
  MapSubclustersRequest,
  MapTileRequest,
  MapTotals,
  MapTotalsRequest,
} from './protocol.gen';

/** What is wrong in a block of cells; see MapPinsRequest. */
export interface MapPins {
  clusters: Float64Array<ArrayBuffer>;
  counts: Float64Array<ArrayBuffer>;
  severities: Uint8Array<ArrayBuffer>;
}

/** Runs of clusters; see MapLinksRequest. */
export interface MapLinks {
  firsts: Float64Array<ArrayBuffer>;
  counts: Float64Array<ArrayBuffer>;
  more: Uint8Array<ArrayBuffer>;
}

/** The operations of the map. */
export interface MapOps {
  mapTile: {request: MapTileRequest; reply: Uint8Array<ArrayBuffer>};
  mapPins: {request: MapPinsRequest; reply: MapPins};
  mapCell: {request: MapCellRequest; reply: MapCellReply};
  mapScan: {request: undefined; reply: MapScan};
  mapTotals: {request: MapTotalsRequest; reply: MapTotals};
  mapRuns: {request: MapRunsRequest; reply: MapRunsReply};
  mapLayers: {request: MapLayersRequest; reply: MapLayersReply};
  mapLinks: {request: MapLinksRequest; reply: MapLinks};
  mapSubclusters: {request: MapSubclustersRequest; reply: Uint8Array<ArrayBuffer>};
  guestCluster: {request: GuestClusterRequest; reply: GuestClusterView};
}
