import {HexKinds} from '../protocol/protocol.gen';
import type {HexKind} from '../protocol/protocol.gen';
import {OWNER_FACTS} from './owners';
import type {Family, Owner} from './owners';

interface KindFacts {
  label: string;
  /** The owner whose fill it has on the map. */
  owner: Owner;
}

export const KIND_FACTS: Record<HexKind, KindFacts> = {
  header: {label: 'Header', owner: 'header'},
  extension: {label: 'Header extension', owner: 'header'},
  'backing-name': {label: 'Backing file name', owner: 'header'},
  reftable: {label: 'Refcount table', owner: 'reftable'},
  refblock: {label: 'Refcount block', owner: 'refblock'},
  l1: {label: 'L1 table', owner: 'l1'},
  l2: {label: 'L2 table', owner: 'l2'},
  'snapshot-table': {label: 'Snapshot table', owner: 'snapshot-table'},
  'snapshot-l1': {label: 'Snapshot L1 table', owner: 'snapshot-l1'},
  'snapshot-l2': {label: 'Snapshot L2 table', owner: 'snapshot-l2'},
  'bitmap-directory': {label: 'Bitmap directory', owner: 'bitmap'},
  'bitmap-table': {label: 'Bitmap table', owner: 'bitmap'},
  'bitmap-data': {label: 'Bitmap data', owner: 'bitmap'},
  crypto: {label: 'Encryption header', owner: 'crypto'},
  data: {label: 'Data', owner: 'data'},
  compressed: {label: 'Compressed data', owner: 'compressed'},
  zero: {label: 'Zeroed, but allocated', owner: 'zero'},
  'snapshot-data': {label: 'Snapshot data', owner: 'snapshot-data'},
  free: {label: 'Free', owner: 'free'},
  leaked: {label: 'Leaked', owner: 'leaked'},
  padding: {label: 'Unused bytes', owner: 'free'},
  unknown: {label: 'Not known yet', owner: 'hole'},
};

/** The kind of that name; what the page does not know is shown as not known. */
export function kindNamed(name: string): HexKind {
  return HexKinds.find((kind) => kind === name) ?? 'unknown';
}

export function familyOf(kind: HexKind): Family {
  return OWNER_FACTS[KIND_FACTS[kind].owner].family;
}
