/**
 * The host map is row-major: a row is a power of two of clusters, whatever the window's width, so that addresses can
 * be read off the rows. One number, `rowBits`, is the zoom: a row holds 2^rowBits clusters. Far out a cell stands for
 * several clusters; closer in cells are one cluster each, and then grow.
 */
export interface Layout {
  clusters: number;
  rowBits: number;
  /** Cells in a row; a power of two. */
  columns: number;
  /** Clusters in a cell; a power of two. */
  perCell: number;
  cells: number;
  rows: number;
  /** Size of a cell in CSS pixels; the width may be fractional. */
  cellWidth: number;
  cellHeight: number;
}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The part of the map that is on screen. */
export interface Window {
  /** Rows above the upper edge; may be fractional. */
  top: number;
  /** In CSS pixels. */
  height: number;
}

const SMALLEST_CELL = 4;
const LARGEST_CELL = 44;
/** Cells of this size hold letters and marks well; rather longer rows than larger cells. */
const COMFORTABLE_CELL = 30;
const FEWEST_BITS = 3;

/** The map of so many clusters in so many pixels at a zoom. */
export function layoutAt(clusters: number, width: number, rowBits: number): Layout {
  const rowClusters = 2 ** rowBits;
  const columns = Math.min(rowClusters, mostColumns(width));
  const perCell = rowClusters / columns;
  const cellWidth = Math.min(width / columns, LARGEST_CELL);
  const cells = Math.ceil(clusters / perCell);
  return {
    clusters,
    rowBits,
    columns,
    perCell,
    cells,
    rows: Math.ceil(cells / columns),
    cellWidth,
    cellHeight: Math.max(1, Math.floor(cellWidth)),
  };
}

function mostColumns(width: number): number {
  return 2 ** Math.max(FEWEST_BITS, Math.floor(Math.log2(Math.max(1, width / SMALLEST_CELL))));
}

/** The zoom at which the whole file is on screen, with cells as large as is of use. */
export function fittingBits(clusters: number, width: number, height: number): number {
  let layout = layoutAt(clusters, width, FEWEST_BITS);
  while (mapHeight(layout) > height && layout.rows > 1) {
    layout = layoutAt(clusters, width, layout.rowBits + 1);
  }
  return longerRows(layout, width);
}

function longerRows(layout: Layout, width: number): number {
  const longer = layoutAt(layout.clusters, width, layout.rowBits + 1);
  const roomLeft = longer.columns > layout.columns && longer.cellWidth >= COMFORTABLE_CELL;
  return roomLeft && layout.columns < layout.clusters ? longerRows(longer, width) : layout.rowBits;
}

/** The zoom at which cells are as large as is of use. Closer than that only makes rows shorter. */
export function closestBits(width: number): number {
  return Math.max(FEWEST_BITS, Math.floor(Math.log2(Math.max(1, width / COMFORTABLE_CELL))));
}

export function mapHeight(layout: Layout): number {
  return layout.rows * layout.cellHeight;
}

/** The window moved so that it shows no more nothing than it must. */
export function clampTop(layout: Layout, window: Window): number {
  const most = Math.max(0, layout.rows - window.height / layout.cellHeight);
  return Math.max(0, Math.min(window.top, most));
}

export function cellOf(layout: Layout, cluster: number): number {
  return Math.floor(cluster / layout.perCell);
}

/** Where a cell is drawn, relative to the upper left of the window. */
export function cellRect(layout: Layout, window: Window, cell: number): Rect {
  const column = cell % layout.columns;
  const row = Math.floor(cell / layout.columns);
  return {
    x: column * layout.cellWidth,
    y: (row - window.top) * layout.cellHeight,
    width: layout.cellWidth,
    height: layout.cellHeight,
  };
}

/** The cell at a point of the window, null if there is none. */
export function cellAt(layout: Layout, window: Window, x: number, y: number): number | null {
  const column = Math.floor(x / layout.cellWidth);
  const row = Math.floor(window.top + y / layout.cellHeight);
  if (column < 0 || column >= layout.columns || row < 0) {
    return null;
  }
  const cell = row * layout.columns + column;
  return cell < layout.cells ? cell : null;
}

/** First and last row on screen, the last one not included. */
export function visibleRows(layout: Layout, window: Window): {from: number; to: number} {
  const from = Math.max(0, Math.floor(window.top));
  const to = Math.min(layout.rows, Math.ceil(window.top + window.height / layout.cellHeight));
  return {from, to: Math.max(from, to)};
}

/** The window after a zoom that leaves a cluster at the same height on screen. */
export function zoomAround(from: Layout, to: Layout, window: Window, cluster: number): Window {
  const y = (rowPosition(from, cluster) - window.top) * from.cellHeight;
  const moved = {top: rowPosition(to, cluster) - y / to.cellHeight, height: window.height};
  return {top: clampTop(to, moved), height: window.height};
}

function rowPosition(layout: Layout, cluster: number): number {
  return Math.floor(cellOf(layout, cluster) / layout.columns) + 0.5;
}

/** The window moved as little as needed to show a cluster, with some rows around it if there is room. */
export function reveal(layout: Layout, window: Window, cluster: number, rows = 2): Window {
  const row = Math.floor(cellOf(layout, cluster) / layout.columns);
  const shown = window.height / layout.cellHeight;
  const margin = Math.min(rows, Math.max(0, (shown - 1) / 2));
  const top = Math.max(row + 1 + margin - shown, Math.min(window.top, row - margin));
  return {top: clampTop(layout, {top, height: window.height}), height: window.height};
}
