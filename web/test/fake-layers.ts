import type {
  LayersBitmap,
  LayersChainReply,
  LayersDirtyReply,
  LayersFall,
  LayersFreed,
  LayersGuestReply,
  LayersLayer,
  LayersLink,
  LayersOutside,
  LayersScan,
  LayersSizes,
  LayersSnapshotsReply,
} from '../src/protocol/protocol.gen';

/** The Layers part of the stand-in for the core: two snapshots, a bitmap, and a backing file that may be given. */

const MIB = 1 << 20;

const freed = (bytes: number): LayersFreed => ({clusters: bytes / 65536, bytes, exact: true});

export function layer(number: number, change: Partial<LayersLayer> = {}): LayersLayer {
  return {
    layer: number,
    id: number === 0 ? '' : String(number),
    name: number === 0 ? '' : `snapshot ${number}`,
    date: 1767323045,
    diskSize: '1073741824',
    vmState: '0',
    table: '0x30000',
    data: 8 * MIB,
    state: 0,
    tables: MIB,
    ownData: 2 * MIB,
    ownState: 0,
    ownTables: 65536,
    freed: freed(2 * MIB + 65536),
    ...change,
  };
}

export const sizes: LayersSizes = {
  virtual: 1024 * MIB,
  file: 40 * 65536,
  stored: 24 * 65536,
  fits: true,
  reason: 'The file is smaller than its disk, mostly because 1 GiB of the disk were never written, and take no space.',
  steps: [
    {kind: 'unwritten', label: 'never written', meaning: 'Nothing is stored.', bytes: 24 * 65536 - 1024 * MIB},
    {kind: 'snapshots', label: 'kept for snapshots only', meaning: 'Data of snapshots.', bytes: 10 * 65536},
    {kind: 'refcounts', label: 'reference counts', meaning: 'Counts.', bytes: 6 * 65536},
  ],
};

export const snapshots: LayersSnapshotsReply = {
  total: 3,
  layers: [layer(0, {freed: freed(0)}), layer(1), layer(2, {vmState: String(4 * MIB), state: 4 * MIB})],
  sound: true,
  problem: '',
  all: freed(10 * MIB),
};

export const bitmap: LayersBitmap = {
  index: 0,
  name: 'backup',
  granularity: 65536,
  inUse: false,
  auto: true,
  known: true,
  unknown: '',
  dirty: 3 * 65536,
  bits: 3,
  takes: 2 * 65536,
};

const dirty: LayersDirtyReply = {ranges: [{start: '0x10000', length: 3 * 65536}], next: ''};

export const backing: LayersOutside = {
  data: false,
  name: '/etc/passwd',
  format: 'raw',
  target: 'absolute',
  opens: ['/etc/passwd'],
  wary: true,
  warning: 'The name is absolute.',
  given: '',
};

export const link: LayersLink = {
  name: 'disk.qcow2',
  format: 'qcow2',
  fileSize: 40 * 65536,
  virtual: '1073741824',
  outside: [backing],
  notes: [],
};

export const chain: LayersChainReply = {links: [link], open: true};

const fall: LayersFall = {done: 1024, total: 1024, links: [256], zeros: 256, missing: 512, unreadable: 0};

const guest: LayersGuestReply = {bytes: '00'.repeat(512), why: '', looks: 'nothing: it begins with zeros', link: 0};

export const layersReplies = {
  layersScan: (): LayersScan => ({done: 3, total: 3}),
  layersSizes: () => sizes,
  layersSnapshots: () => snapshots,
  layersFreed: ({chosen}: {chosen: number[]}) => freed(chosen.length * 3 * MIB),
  layersBitmaps: () => ({total: 1, bitmaps: [bitmap], problem: ''}),
  layersStrip: () => new Uint8Array(1024).fill(255, 0, 3),
  layersDirty: () => dirty,
  layersChain: () => chain,
  layersAttach: ({name}: {name: string}) => ({
    attached: true,
    refused: '',
    chain: {
      links: [
        {...link, outside: [{...backing, given: name}]},
        {...link, name, format: 'raw', outside: [], notes: [{severity: 'note', text: 'Its disk is smaller.'}]},
      ],
      open: false,
    },
  }),
  layersDetach: () => chain,
  layersFall: () => fall,
  layersGuest: () => guest,
};
