import {OWNERS} from './owners';
import type {Owner} from './owners';
import {SEVERITIES} from './severity';
import type {Severity} from './severity';

/** A cell of a tile that lies past the end of the file. */
export const PAST_END = 255;

const OWNER_BITS = 5;
const OWNER_MASK = (1 << OWNER_BITS) - 1;

/** The owner with the most clusters in a cell. */
export function cellOwner(cell: number): Owner {
  return OWNERS[cell & OWNER_MASK] ?? 'data';
}

/** How bad the worst cluster in a cell is, as an index in SEVERITIES. */
export function cellRank(cell: number): number {
  return cell >> OWNER_BITS;
}

export function cellSeverity(cell: number): Severity {
  return SEVERITIES[cellRank(cell)] ?? 'none';
}

/** The cell of one owner and one severity, as the core packs it. */
export function packCell(owner: Owner, severity: Severity): number {
  return OWNERS.indexOf(owner) | (SEVERITIES.indexOf(severity) << OWNER_BITS);
}
