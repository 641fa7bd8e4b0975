import type {ColourBy, MapSpace} from './kinds';
import type {Order} from './plane';

/** How the maps are looked at. Nothing here changes what is known of the image. */
export interface MapChoices {
  show: 'both' | MapSpace;
  by: ColourBy;
  /** null is what suits the number of clusters. */
  order: Order | null;
  /** Whose disk the guest map shows: 0 is as it is now, n as the nth snapshot has it. */
  layer: number;
  /** Which bitmap shows when dirty ranges are coloured. */
  bitmap: number;
  /** The free clusters at the end are shown, too. */
  unfolded: Record<MapSpace, boolean>;
  /** Indices of looks; all others are dimmed. Empty is no filter. */
  filters: Record<MapSpace, readonly number[]>;
}

export const MAP_CHOICES: MapChoices = {
  show: 'both',
  by: 'owner',
  order: null,
  layer: 0,
  bitmap: 0,
  unfolded: {host: false, guest: false},
  filters: {host: [], guest: []},
};

/** Up to so many clusters rows are easier to follow than a curve. */
const MOST_IN_ROWS = 1 << 16;

export function orderFor({order}: MapChoices, clusters: number): Order {
  return order ?? (clusters > MOST_IN_ROWS ? 'hilbert' : 'rows');
}

/** The free end is folded from this share of the map on. */
const WORTH_FOLDING = 1 / 8;

/** How many clusters the map shows: without the free ones at the end, if they would take much of it. */
export function shownClusters(clusters: number, end: number, unfolded: boolean): number {
  const free = clusters - end;
  return unfolded || end === 0 || free < clusters * WORTH_FOLDING ? clusters : end;
}

/** The filter with a look switched on or off. */
export function toggled(filter: readonly number[], index: number): readonly number[] {
  return filter.includes(index) ? filter.filter((other) => other !== index) : [...filter, index];
}
