import type {Spot} from './grain';
import type {MapSpace} from './kinds';
import {cellAround, clustersOf, pointOf} from './plane';
import type {Cell, Plane} from './plane';

/** The cell that a spot is in. */
export function cellOfSpot(plane: Plane, {level, cluster}: Spot): Cell {
  return cellAround(level, pointOf(plane, cluster));
}

/** Clusters of a space: a run, or a rectangle of rows. See MapLinksRequest. */
export interface Meant {
  space: MapSpace;
  first: number;
  count: number;
  rows: number;
  stride: number;
}

/** The clusters that a spot stands for, to ask what belongs to them: in rows they are a square. */
export function meantBy(space: MapSpace, plane: Plane, spot: Spot): Meant {
  const {first, count} = clustersOf(plane, cellOfSpot(plane, spot));
  if (plane.order === 'hilbert' || spot.level === 0) {
    return {space, first, count: Math.max(1, count), rows: 1, stride: 0};
  }
  const stride = 2 ** plane.bits;
  const side = Math.min(stride, 2 ** spot.level);
  return {space, first, count: side, rows: side, stride};
}
