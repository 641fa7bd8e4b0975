import type {Reply} from '../src/protocol/ops';
import type {MapOps} from '../src/protocol/ops-map';
import type {MapTileRequest, MapTotalsRequest} from '../src/protocol/protocol.gen';
import {OWNERS} from '../src/model/owners';

/** The map of the stand-in for the core: 40 host clusters of data, 16384 guest clusters of which none is mapped. */
const HOSTS = 40;
const GUESTS = 16384;

type MapReplies = {[K in keyof MapOps]: (request: never) => Reply<K>};

export const mapReplies: MapReplies = {
  mapTile: ({space, order, level}: MapTileRequest) => {
    const clusters = space === 'guest' ? GUESTS : HOSTS;
    const columns = space === 'guest' ? 128 : 8;
    const cells = order === 'along' ? Math.ceil(clusters / 4 ** level) : (columns >> level) * Math.ceil(clusters / columns / 2 ** level);
    return Uint8Array.from({length: 2 * cells}, (_, i) => (i % 2 === 1 || space === 'guest' ? 0 : OWNERS.indexOf('data')));
  },
  mapPins: () => ({clusters: new Float64Array(), counts: new Float64Array(), severities: new Uint8Array()}),
  mapCell: () => ({cluster: 7}),
  mapScan: () => ({done: 1, total: 1, complete: true, linked: true}),
  mapTotals: ({space}: MapTotalsRequest) => ({
    clusters: space === 'guest' ? GUESTS : HOSTS,
    end: space === 'guest' ? 0 : HOSTS,
    nothing: space === 'guest' ? GUESTS : 0,
    kinds: Array.from({length: 32}, (_, kind) => (space === 'guest' ? (kind === 0 ? GUESTS : 0) : kind === 6 ? HOSTS : 0)),
    severities: [space === 'guest' ? GUESTS : HOSTS, 0, 0, 0, 0, 0, 0, 0],
    references: [0, HOSTS, 0, 0, 0, 0, 0, 0, 0, 0],
  }),
  mapRuns: () => ({runs: [{first: 0, count: HOSTS, kind: 6, severity: 0}], next: -1}),
  mapLayers: () => ({total: 1, layers: [{layer: 0, id: '', name: '', clusters: GUESTS}]}),
  mapLinks: () => ({firsts: new Float64Array(), counts: new Float64Array(), more: new Uint8Array(1)}),
  mapSubclusters: ({count}: {count: number}) => new Uint8Array(count).fill(7),
  guestCluster: ({cluster}: {cluster: number}) => ({
    cluster,
    guest: `0x${(cluster * 65536).toString(16)}`,
    length: 65536,
    kind: 'nothing',
    entries: [],
    same: 0,
    moreEntries: false,
    subclusters: [],
  }),
};
