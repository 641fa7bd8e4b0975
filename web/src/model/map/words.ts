import {formatBytes, formatCount, formatHex, formatShare, plural} from '../../base/units';
import type {MapTotals} from '../../protocol/protocol.gen';
import {OWNER_FACTS, OWNERS} from '../owners';
import {SEVERITIES, SEVERITY_FACTS} from '../severity';
import type {Inside, Spot} from './grain';
import {REFERENCE_STEPS} from './kinds';
import type {ColourBy, Look, MapSpace} from './kinds';
import type {PlacedPin} from './pins';
import type {Plane} from './plane';
import {STATE_FACTS, SUBCLUSTER_STATES} from './states';

/** What is known of the cell under the pointer or the cursor. */
export interface CellFacts {
  space: MapSpace;
  by: ColourBy;
  /** The looks of the kinds that the cell's bytes name. */
  looks: readonly Look[];
  /** Two bytes as in a tile, null while they are not known. */
  bytes: readonly [number, number] | null;
  /** The bytes say which layer has the clusters, and where they belong. */
  byLayer: boolean;
}

/** What a cell holds, in words. */
export function cellWords({space, by, looks, bytes, byLayer}: CellFacts): string {
  if (bytes === null) {
    return 'not read yet';
  }
  const [first, second] = bytes;
  const kind = first & 31;
  if (byLayer) {
    const place = second === 0 ? 'nothing of the disk' : `from ${formatShare(second - 1, 254)} of the disk`;
    return by === 'order' ? place : `${labelOf(looks, kind)}, ${place}`;
  }
  const what = space === 'host' ? (OWNER_FACTS[OWNERS[kind] ?? 'data'].label) : labelOf(looks, kind);
  const parts = [what];
  const references = second & 15;
  if (space === 'host' && references > 1) {
    parts.push(`${REFERENCE_STEPS[references] ?? ''} references`);
  }
  const severity = SEVERITIES[first >> 5] ?? 'none';
  if (severity !== 'none') {
    parts.push(SEVERITY_FACTS[severity].word.toLowerCase());
  }
  return parts.join(', ');
}

function labelOf(looks: readonly Look[], kind: number): string {
  return looks.find((look) => look.index === kind)?.label ?? 'unknown';
}

/** Where a spot is and what it holds, in one line. */
export function spotWords(spot: Spot, plane: Plane, inside: Inside, facts: CellFacts, more: {state: number | null; byte: number | null}): string {
  const size = 2 ** inside.clusterBits;
  const at = formatHex(spot.cluster * size + spot.offset);
  const words = cellWords(facts);
  if (spot.level > 0) {
    const clusters = 4 ** spot.level;
    const shape = plane.order === 'hilbert' ? plural(clusters, 'cluster') : `A square of ${2 ** spot.level} by ${2 ** spot.level} clusters`;
    return `${shape} from ${at}, ${formatBytes(Math.min(clusters, plane.clusters) * size)}: mostly ${words}`;
  }
  const cluster = `cluster ${formatCount(spot.cluster)}`;
  if (spot.length === 1) {
    const value = more.byte === null ? '' : ` is 0x${more.byte.toString(16).padStart(2, '0')}`;
    return `Byte ${at}${value}, in ${cluster}: ${words}`;
  }
  if (spot.length < size) {
    const state = more.state === null ? '' : `: ${STATE_FACTS[SUBCLUSTER_STATES[more.state] ?? 'none'].text}`;
    return `Subcluster ${spot.offset / spot.length} at ${at}${state}, in ${cluster}: ${words}`;
  }
  return `Cluster ${formatCount(spot.cluster)} at ${at}: ${words}`;
}

/** What a mark stands for. */
export function pinWords({rank, count, cluster}: PlacedPin, clusterSize: number): string {
  const {word} = SEVERITY_FACTS[SEVERITIES[rank] ?? 'none'];
  const at = formatHex(cluster * clusterSize);
  return count === 1 ? `${word} at ${at}` : `${word} in ${plural(count, 'cluster')} here, one of them at ${at}`;
}

/** How many clusters each look stands for, by its index. */
export function countsOf(by: ColourBy, space: MapSpace, totals: MapTotals): readonly number[] {
  if (by === 'health') {
    const [fine = 0, ...bad] = totals.severities;
    return [totals.nothing, fine - totals.nothing, ...bad];
  }
  return by === 'references' && space === 'host' ? totals.references : totals.kinds;
}
