import {HexKinds} from '../protocol/protocol.gen';
import type {HexKind} from '../protocol/protocol.gen';
import {OWNER_FACTS} from './owners';
import type {Family, Owner} from './owners';

/** Of the bar below the bytes: tells kinds apart that share a colour. */
export type Bar = 'solid' | 'dash' | 'dot' | 'double' | 'dashdot' | 'sparse';

interface KindFacts {
  label: string;
  /** The owner whose fill it has on the map. */
  owner: Owner;
  bar: Bar;
}

export const KIND_FACTS: Record<HexKind, KindFacts> = {
  header: {label: 'Header', owner: 'header', bar: 'solid'},
  extension: {label: 'Header extension', owner: 'header', bar: 'dash'},
  'backing-name': {label: 'Backing file name', owner: 'header', bar: 'dot'},
  reftable: {label: 'Refcount table', owner: 'reftable', bar: 'dash'},
  refblock: {label: 'Refcount block', owner: 'refblock', bar: 'solid'},
  l1: {label: 'L1 table', owner: 'l1', bar: 'dash'},
  l2: {label: 'L2 table', owner: 'l2', bar: 'solid'},
  'snapshot-table': {label: 'Snapshot table', owner: 'snapshot-table', bar: 'double'},
  'snapshot-l1': {label: 'Snapshot L1 table', owner: 'snapshot-l1', bar: 'dash'},
  'snapshot-l2': {label: 'Snapshot L2 table', owner: 'snapshot-l2', bar: 'dot'},
  'bitmap-directory': {label: 'Bitmap directory', owner: 'bitmap', bar: 'double'},
  'bitmap-table': {label: 'Bitmap table', owner: 'bitmap', bar: 'dashdot'},
  'bitmap-data': {label: 'Bitmap data', owner: 'bitmap', bar: 'sparse'},
  crypto: {label: 'Encryption header', owner: 'crypto', bar: 'double'},
  data: {label: 'Data', owner: 'data', bar: 'solid'},
  compressed: {label: 'Compressed data', owner: 'compressed', bar: 'dot'},
  zero: {label: 'Zeroed, but allocated', owner: 'zero', bar: 'dash'},
  'snapshot-data': {label: 'Snapshot data', owner: 'snapshot-data', bar: 'solid'},
  free: {label: 'Free', owner: 'free', bar: 'solid'},
  leaked: {label: 'Leaked', owner: 'leaked', bar: 'solid'},
  padding: {label: 'Unused bytes', owner: 'free', bar: 'dot'},
  unknown: {label: 'Not known yet', owner: 'hole', bar: 'sparse'},
};

/** The kind of that name; what the page does not know is shown as not known. */
export function kindNamed(name: string): HexKind {
  return HexKinds.find((kind) => kind === name) ?? 'unknown';
}

export function familyOf(kind: HexKind): Family {
  return OWNER_FACTS[KIND_FACTS[kind].owner].family;
}

/** The classes that give bytes of the kind their colour and bar. */
export function kindClasses(kind: HexKind): string {
  return `f-${familyOf(kind)} bar-${KIND_FACTS[kind].bar}${kind === 'padding' ? ' padding' : ''}`;
}
