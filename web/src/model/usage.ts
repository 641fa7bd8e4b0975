import type {Usage} from '../protocol/protocol.gen';
import {OWNER_FACTS, ownerNamed} from './owners';
import type {Owner} from './owners';

/** A part of the bar that shows where the file's bytes go. */
export interface Share {
  owner: Owner;
  clusters: number;
  bytes: number;
  /** From 0 to 1, of the bar's length. */
  from: number;
  to: number;
}

/** Smaller parts would not be seen, so they are drawn a bit too wide. */
const LEAST_SHARE = 0.004;

/** Parts of a bar for all owners that have bytes, largest first; what is free comes last. */
export function sharesOf(usage: readonly Usage[]): Share[] {
  const used = usage.filter((part) => part.bytes > 0);
  const parts = used.toSorted((a, b) => Number(isFree(a)) - Number(isFree(b)) || b.bytes - a.bytes);
  const total = parts.reduce((sum, part) => sum + part.bytes, 0);
  const widths = parts.map((part) => Math.max(LEAST_SHARE, part.bytes / total));
  const scale = widths.reduce((sum, width) => sum + width, 0);
  let at = 0;
  return parts.map((part, i) => {
    const from = at;
    at += (widths[i] ?? 0) / scale;
    return {owner: ownerNamed(part.owner), clusters: part.clusters, bytes: part.bytes, from, to: at};
  });
}

function isFree(part: Usage): boolean {
  return OWNER_FACTS[ownerNamed(part.owner)].family === 'free';
}
