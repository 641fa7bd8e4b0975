import {hilbertIndex, hilbertPoint, NO_TURN, turnAt} from './hilbert';
import type {Turn} from './hilbert';

export type Order = 'rows' | 'hilbert';

/** Clusters laid out on a plane; a cluster takes a square of side 1. See mapprotocol.go, which does the same. */
export interface Plane {
  clusters: number;
  /** Rows have 2^bits clusters, and so has a side of the square that the Hilbert curve fills. */
  bits: number;
  order: Order;
}

export interface Point {
  x: number;
  y: number;
}

export interface Rect extends Point {
  width: number;
  height: number;
}

const FEWEST_BITS = 3;
const TILE_BITS = 10;

export function planeOf(clusters: number, order: Order): Plane {
  let bits = FEWEST_BITS;
  while (4 ** bits < clusters) {
    bits++;
  }
  return {clusters, bits, order};
}

/** The upper left corner of a cluster. */
export function pointOf({bits, order}: Plane, cluster: number): Point {
  return order === 'hilbert'
    ? hilbertPoint(bits, cluster)
    : {x: cluster % 2 ** bits, y: Math.floor(cluster / 2 ** bits)};
}

/** The cluster at a point, null if there is none. */
export function clusterAt({clusters, bits, order}: Plane, {x, y}: Point): number | null {
  const side = 2 ** bits;
  if (!(x >= 0 && y >= 0 && x < side && y < side)) {
    return null;
  }
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const cluster = order === 'hilbert' ? hilbertIndex(bits, column, row) : row * side + column;
  return cluster < clusters ? cluster : null;
}

/** What of the plane holds clusters, from its upper left corner on. */
export function extentOf(plane: Plane): {width: number; height: number} {
  const side = 2 ** plane.bits;
  if (plane.order === 'rows') {
    return {width: side, height: Math.max(1, Math.ceil(plane.clusters / side))};
  }
  const rects = rectsOf(plane, 0, plane.clusters);
  return {
    width: Math.max(1, ...rects.map((r) => r.x + r.width)),
    height: Math.max(1, ...rects.map((r) => r.y + r.height)),
  };
}

/** The rectangles that a run of clusters fills. */
export function rectsOf(plane: Plane, first: number, count: number): Rect[] {
  const end = Math.min(plane.clusters, first + count);
  return plane.order === 'rows' ? rowRects(2 ** plane.bits, first, end) : squares(plane, first, end);
}

/** The rest of a row, whole rows, and the beginning of one. */
function rowRects(columns: number, first: number, end: number): Rect[] {
  const rects: Rect[] = [];
  for (let at = first; at < end; ) {
    const [x, y] = [at % columns, Math.floor(at / columns)];
    const rows = x === 0 ? Math.max(1, Math.floor((end - at) / columns)) : 1;
    const width = Math.min(columns - x, end - at);
    rects.push({x, y, width, height: rows});
    at += rows > 1 ? rows * columns : width;
  }
  return rects;
}

function squares({bits}: Plane, first: number, end: number): Rect[] {
  const rects: Rect[] = [];
  for (let at = first; at < end; ) {
    let level = 0;
    while (level < bits && at % 4 ** (level + 1) === 0 && at + 4 ** (level + 1) <= end) {
      level++;
    }
    const side = 2 ** level;
    const {x, y} = hilbertPoint(bits - level, at / 4 ** level);
    rects.push({x: x * side, y: y * side, width: side, height: side});
    at += 4 ** level;
  }
  return rects;
}

/** A cell of 2^level by 2^level clusters. */
export interface Cell {
  level: number;
  /** Column and row on its level. */
  x: number;
  y: number;
}

/** The cell that holds a point of the plane. */
export function cellAround(level: number, {x, y}: Point): Cell {
  return {level, x: Math.floor(x / 2 ** level), y: Math.floor(y / 2 ** level)};
}

/** How the core names a cell or a block of cells: by column and row, or by its number on the curve. */
export function nameOf(plane: Plane, {level, x, y}: Cell): Point {
  return plane.order === 'hilbert' ? {x: hilbertIndex(plane.bits - level, x, y), y: 0} : {x, y};
}

/** The clusters of a cell: consecutive ones on the curve; with rows the first and how many it spans. */
export function clustersOf(plane: Plane, cell: Cell): {first: number; count: number} {
  const {level} = cell;
  if (plane.order === 'hilbert') {
    const first = nameOf(plane, cell).x * 4 ** level;
    return {first, count: Math.max(0, Math.min(plane.clusters - first, 4 ** level))};
  }
  const columns = 2 ** plane.bits;
  const side = Math.min(columns, 2 ** level);
  const first = cell.y * side * columns + cell.x * side;
  const rows = Math.max(0, Math.min(side, Math.ceil((plane.clusters - first) / columns)));
  const last = Math.max(0, Math.min(side, plane.clusters - first - (rows - 1) * columns));
  return {first, count: rows === 0 ? 0 : (rows - 1) * side + last};
}

/** A square of cells that is read and drawn as one. */
export interface TilePlace {
  level: number;
  /** Column and row among the tiles of the level. */
  x: number;
  y: number;
  /** Cells on a side. */
  side: number;
  /** The binary logarithm of that: the steps that the curve takes in it. */
  bits: number;
  turn: Turn;
}

/** The tiles of a level that a part of the plane touches. */
export function tilesIn(plane: Plane, level: number, part: Rect): TilePlace[] {
  const bits = Math.min(TILE_BITS, plane.bits - level);
  const size = 2 ** (level + bits);
  const extent = {width: 2 ** plane.bits, height: plane.order === 'hilbert' ? 2 ** plane.bits : extentOf(plane).height};
  const tiles: TilePlace[] = [];
  const last = (from: number, length: number, most: number) => Math.ceil(Math.min(most, from + length) / size);
  for (let y = Math.max(0, Math.floor(part.y / size)); y < last(part.y, part.height, extent.height); y++) {
    for (let x = Math.max(0, Math.floor(part.x / size)); x < last(part.x, part.width, extent.width); x++) {
      const turn = plane.order === 'hilbert' ? turnAt(plane.bits - level - bits, x, y) : NO_TURN;
      tiles.push({level, x, y, side: 2 ** bits, bits, turn});
    }
  }
  return tiles;
}

/** Where a tile's cell lies in its bytes, as a number of cells. */
export function placeInTile(plane: Plane, tile: TilePlace, column: number, row: number): number {
  if (plane.order === 'rows') {
    return row * rowLength(plane, tile) + column;
  }
  const far = tile.side - 1;
  const [x, y] = tile.turn.flip ? [far - column, far - row] : [column, row];
  return tile.turn.swap ? hilbertIndex(tile.bits, y, x) : hilbertIndex(tile.bits, x, y);
}

/** Cells in a row of a tile's bytes. */
export function rowLength(plane: Plane, tile: TilePlace): number {
  return Math.min(2 ** TILE_BITS, plane.order === 'hilbert' ? 4 ** tile.bits : 2 ** (plane.bits - tile.level));
}
