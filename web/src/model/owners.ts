/** Who may have a host cluster, in the order of Owners in protocol.go: a tile's cell holds the index. */
export const OWNERS = [
  'free',
  'header',
  'l1',
  'l2',
  'reftable',
  'refblock',
  'data',
  'compressed',
  'zero',
  'snapshot-table',
  'snapshot-l1',
  'snapshot-l2',
  'snapshot-data',
  'bitmap',
  'crypto',
  'leaked',
  'hole',
] as const;

export type Owner = (typeof OWNERS)[number];

/** Owners that share a hue. Inside a family the texture tells them apart. */
export type Family = 'active' | 'snapshot' | 'mapping' | 'refcount' | 'other' | 'leaked' | 'free';

/** In the order of the map's shader. */
export const TEXTURES = ['plain', 'dots', 'rising', 'falling', 'upright', 'level', 'grid', 'frame'] as const;

export type Texture = (typeof TEXTURES)[number];

interface OwnerFacts {
  /** In the legend and in tables. */
  label: string;
  /** In one short sentence, for someone who has never heard of it. */
  meaning: string;
  family: Family;
  texture: Texture;
  /** At most two characters, drawn into large cells. */
  letters: string;
}

export const OWNER_FACTS: Record<Owner, OwnerFacts> = {
  free: {label: 'Free', meaning: 'Not in use.', family: 'free', texture: 'plain', letters: ''},
  header: {
    label: 'Header',
    meaning: 'Says what kind of image this is and where the tables are.',
    family: 'other',
    texture: 'plain',
    letters: 'H',
  },
  l1: {
    label: 'L1 table',
    meaning: 'The list of all L2 tables.',
    family: 'mapping',
    texture: 'upright',
    letters: 'L1',
  },
  l2: {
    label: 'L2 table',
    meaning: 'Says where each piece of the virtual disk is in the file.',
    family: 'mapping',
    texture: 'plain',
    letters: 'L2',
  },
  reftable: {
    label: 'Refcount table',
    meaning: 'The list of all refcount blocks.',
    family: 'refcount',
    texture: 'upright',
    letters: 'RT',
  },
  refblock: {
    label: 'Refcount block',
    meaning: 'Counts how often each cluster is in use.',
    family: 'refcount',
    texture: 'plain',
    letters: 'RB',
  },
  data: {
    label: 'Data',
    meaning: 'What the virtual machine has written.',
    family: 'active',
    texture: 'plain',
    letters: 'D',
  },
  compressed: {
    label: 'Compressed data',
    meaning: 'The same, stored compressed.',
    family: 'active',
    texture: 'dots',
    letters: 'C',
  },
  zero: {
    label: 'Zeroed, but allocated',
    meaning: 'Reads as zeros; the space is kept.',
    family: 'active',
    texture: 'rising',
    letters: '0',
  },
  'snapshot-table': {
    label: 'Snapshot table',
    meaning: 'The list of snapshots.',
    family: 'snapshot',
    texture: 'frame',
    letters: 'ST',
  },
  'snapshot-l1': {
    label: 'Snapshot L1 table',
    meaning: 'The list of L2 tables that a snapshot has.',
    family: 'snapshot',
    texture: 'upright',
    letters: 'S1',
  },
  'snapshot-l2': {
    label: 'Snapshot L2 table',
    meaning: 'An L2 table that only snapshots use.',
    family: 'snapshot',
    texture: 'level',
    letters: 'S2',
  },
  'snapshot-data': {
    label: 'Snapshot data',
    meaning: 'Data that only snapshots use.',
    family: 'snapshot',
    texture: 'plain',
    letters: 'S',
  },
  bitmap: {
    label: 'Bitmap',
    meaning: 'Remembers what changed since the last backup.',
    family: 'other',
    texture: 'dots',
    letters: 'B',
  },
  crypto: {
    label: 'Encryption header',
    meaning: 'Holds the keys of an encrypted disk.',
    family: 'other',
    texture: 'grid',
    letters: 'K',
  },
  leaked: {
    label: 'Leaked',
    meaning: 'Marked as in use, but nothing uses it: wasted space.',
    family: 'leaked',
    texture: 'falling',
    letters: 'X',
  },
  hole: {
    label: 'Unused, not counted',
    meaning: 'No refcount block covers it and nothing uses it.',
    family: 'free',
    texture: 'frame',
    letters: '',
  },
};

/** The owner of that name; what the page does not know counts as data, the safest to leave alone. */
export function ownerNamed(name: string): Owner {
  return OWNERS.find((owner) => owner === name) ?? 'data';
}
