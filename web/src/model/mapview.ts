import {
  cellOf,
  clampTop,
  closestBits,
  fittingBits,
  layoutAt,
  mapHeight,
  reveal,
  zoomAround,
} from './layout';
import type {Layout, Window} from './layout';

/** What of the map is on screen, and the cursor that the keys move. */
export interface MapView {
  clusters: number;
  /** Of the screen, in CSS pixels. */
  width: number;
  height: number;
  rowBits: number;
  /** Rows above the upper edge. */
  top: number;
  /** The cluster under the cursor, null before it is first moved. Its whole cell is meant. */
  cursor: number | null;
}

export type Move = 'left' | 'right' | 'up' | 'down' | 'page-up' | 'page-down' | 'row-start' | 'row-end' | 'start' | 'end';

/** All of the file on a screen of a width, and at most a height. */
export function wholeMap(clusters: number, width: number, mostHeight: number): MapView {
  const rowBits = fittingBits(clusters, width, mostHeight);
  const height = Math.min(mostHeight, mapHeight(layoutAt(clusters, width, rowBits)));
  return {clusters, width, height, rowBits, top: 0, cursor: null};
}

export function layoutOf(view: MapView): Layout {
  return layoutAt(view.clusters, view.width, view.rowBits);
}

export function windowOf(view: MapView): Window {
  return {top: view.top, height: view.height};
}

/** The zooms that are of use: from the largest cells to the whole file. */
export function zoomRange(view: MapView): {closest: number; farthest: number} {
  const farthest = fittingBits(view.clusters, view.width, view.height);
  return {closest: Math.min(farthest, closestBits(view.width)), farthest};
}

/** Zooms out by so many doublings (in, if negative) and keeps a cluster where it is on screen, whole. */
export function zoomed(view: MapView, steps: number, around: number): MapView {
  const {closest, farthest} = zoomRange(view);
  const rowBits = Math.max(closest, Math.min(farthest, view.rowBits + steps));
  const to = layoutAt(view.clusters, view.width, rowBits);
  const {top} = reveal(to, zoomAround(layoutOf(view), to, windowOf(view), around), around, 0);
  return {...view, rowBits, top};
}

/** Moves the map under the screen by so many rows. */
export function panned(view: MapView, rows: number): MapView {
  const top = clampTop(layoutOf(view), {top: view.top + rows, height: view.height});
  return {...view, top};
}

/** The same place on a screen of another size; what showed all of the file still does. */
export function resized(view: MapView, width: number, mostHeight: number): MapView {
  const whole = wholeMap(view.clusters, width, mostHeight);
  if (view.rowBits >= zoomRange(view).farthest) {
    return {...whole, cursor: view.cursor};
  }
  const middle = middleCluster(view);
  const next = {...whole, rowBits: Math.min(view.rowBits, whole.rowBits), cursor: view.cursor};
  return centred(next, middle);
}

/** The cluster in the middle of the screen. */
export function middleCluster(view: MapView): number {
  const layout = layoutOf(view);
  const row = Math.floor(view.top + view.height / layout.cellHeight / 2);
  const cell = Math.min(layout.cells - 1, row * layout.columns + layout.columns / 2);
  return Math.max(0, cell * layout.perCell);
}

/** The map moved so that a cluster is in the middle of the screen. */
export function centred(view: MapView, cluster: number): MapView {
  const layout = layoutOf(view);
  const row = Math.floor(cellOf(layout, cluster) / layout.columns);
  const top = row + 0.5 - view.height / layout.cellHeight / 2;
  return {...view, top: clampTop(layout, {top, height: view.height})};
}

/** The cursor at a cluster, and the map moved as little as needed to show it. */
export function withCursor(view: MapView, cluster: number): MapView {
  const layout = layoutOf(view);
  const {top} = reveal(layout, windowOf(view), cluster);
  return {...view, top, cursor: cluster};
}

/** The cursor after a key; the first key puts it where the screen begins. */
export function moved(view: MapView, move: Move): MapView {
  const layout = layoutOf(view);
  if (view.cursor === null) {
    return withCursor(view, Math.ceil(view.top) * layout.columns * layout.perCell);
  }
  const cell = cellOf(layout, view.cursor);
  const target = Math.max(0, Math.min(layout.cells - 1, cellAfter(layout, view, cell, move)));
  return withCursor(view, target * layout.perCell);
}

function cellAfter(layout: Layout, view: MapView, cell: number, move: Move): number {
  const {columns} = layout;
  const screenful = Math.max(1, Math.floor(view.height / layout.cellHeight) - 1) * columns;
  switch (move) {
    case 'left':
      return cell - 1;
    case 'right':
      return cell + 1;
    // Up and down stay in their column: in the first and last row they go nowhere.
    case 'up':
      return cell - columns < 0 ? cell : cell - columns;
    case 'down':
      return cell + columns >= layout.cells ? cell : cell + columns;
    case 'page-up':
      return cell - screenful;
    case 'page-down':
      return cell + screenful;
    case 'row-start':
      return cell - (cell % columns);
    case 'row-end':
      return cell - (cell % columns) + columns - 1;
    case 'start':
      return 0;
    case 'end':
      return layout.cells - 1;
  }
}
