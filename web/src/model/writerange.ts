/** Guest bytes that a request is about. */
export interface Span {
  offset: number;
  length: number;
}

/** What is known of a disk to pick ranges of it. */
export interface Disk {
  /** Bytes. */
  size: number;
  clusterSize: number;
  /** Clusters have 32 subclusters. */
  extended: boolean;
}

/** Cells in a row: subclusters of a cluster, or clusters. */
export interface Grid {
  /** Guest offset of the first. */
  start: number;
  /** Bytes of a cell. */
  cell: number;
  cells: number;
  /** Where the disk ends, which may be within the last cell. */
  disk: number;
}

export const CELLS = 32;
const SECTOR = 512;

/** The clusters side by side that `cluster` is shown with. */
export function stripGrid({size, clusterSize}: Disk, cluster: number): Grid {
  const first = Math.floor(cluster / CELLS) * CELLS;
  return gridOf(first * clusterSize, clusterSize, size);
}

/** What is shown large: the subclusters of a cluster, or where there are none, clusters. */
export function detailGrid(disk: Disk, cluster: number): Grid {
  return disk.extended ? gridOf(cluster * disk.clusterSize, disk.clusterSize / CELLS, disk.size) : stripGrid(disk, cluster);
}

function gridOf(start: number, cell: number, disk: number): Grid {
  return {start, cell, cells: Math.max(0, Math.min(CELLS, Math.ceil((disk - start) / cell))), disk};
}

/** How many clusters the disk has. */
export function clustersOf({size, clusterSize}: Disk): number {
  return Math.ceil(size / clusterSize);
}

/** What a range is picked in by hand: a quarter of a cell, but whole sectors. */
export function grainOf({cell}: Grid): number {
  return Math.min(cell, Math.max(SECTOR, cell / 4));
}

/** The guest offset at a share of the row, 0 to 1, rounded down to a grain. */
export function offsetAt(grid: Grid, share: number): number {
  const grain = grainOf(grid);
  const bytes = grid.cell * CELLS;
  const at = grid.start + Math.floor((Math.min(Math.max(share, 0), 1) * bytes) / grain) * grain;
  const last = Math.min(grid.start + grid.cells * grid.cell, grid.disk);
  return Math.max(grid.start, Math.min(at, Math.ceil(last / grain) * grain - grain));
}

/** From where the pointer went down to where it is now: the grains of both are in it. */
export function dragged(grid: Grid, from: number, to: number): Span {
  const grain = grainOf(grid);
  const offset = Math.min(from, to);
  return {offset, length: Math.min(Math.max(from, to) + grain, grid.disk) - offset};
}

/** The whole cell around an offset. */
export function cellAt({start, cell, disk}: Grid, offset: number): Span {
  const at = start + Math.floor((offset - start) / cell) * cell;
  return {offset: at, length: Math.min(cell, disk - at)};
}

export type Edge = 'start' | 'end';

/** The range with one edge elsewhere. It stays at least one grain long, or as long as it is if that is less. */
export function withEdge(span: Span, edge: Edge, to: number, grid: Grid): Span {
  const least = Math.min(grainOf(grid), span.length);
  const end = span.offset + span.length;
  if (edge === 'start') {
    const offset = Math.max(0, Math.min(to, end - least));
    return {offset, length: end - offset};
  }
  return {offset: span.offset, length: Math.max(span.offset + least, Math.min(to, grid.disk)) - span.offset};
}

/** Where an edge goes by so many grains; what lies between them is rounded to. */
function steppedEdge(span: Span, edge: Edge, grains: number, grid: Grid): Span {
  const grain = grainOf(grid);
  const at = edge === 'start' ? span.offset : span.offset + span.length;
  const next = grains > 0 ? (Math.floor(at / grain) + grains) * grain : (Math.ceil(at / grain) + grains) * grain;
  return withEdge(span, edge, next, grid);
}

/** The whole range moved, as far as the disk goes. */
export function shifted({offset, length}: Span, by: number, disk: number): Span {
  return {offset: Math.max(0, Math.min(offset + by, disk - length)), length};
}

/** The range that a key on one of its edges makes, null if the key does nothing. Shift moves the whole range. */
export function keyedSpan(span: Span, edge: Edge, key: {name: string; shift: boolean}, grid: Grid): Span | null {
  const perCell = grid.cell / grainOf(grid);
  const grains = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -perCell, PageUp: perCell}[key.name];
  if (grains !== undefined) {
    return key.shift ? shifted(span, grains * grainOf(grid), grid.disk) : steppedEdge(span, edge, grains, grid);
  }
  switch (key.name) {
    case 'Home':
      return withEdge(span, edge, grid.start, grid);
    case 'End':
      return withEdge(span, edge, grid.start + grid.cells * grid.cell, grid);
    default:
      return null;
  }
}

/** A part of a row, in percent of its width. */
export interface Bar {
  left: number;
  width: number;
  /** It goes on before, or after, the row. */
  before: boolean;
  after: boolean;
}

/** The part of the row that a range takes, null if none. */
export function barOf({start, cell}: Grid, {offset, length}: Span): Bar | null {
  const bytes = cell * CELLS;
  const from = Math.max(offset, start);
  const to = Math.min(offset + length, start + bytes);
  if (to <= from) {
    return null;
  }
  const share = (n: number) => (100 * n) / bytes;
  return {left: share(from - start), width: share(to - from), before: offset < start, after: offset + length > start + bytes};
}

/** What is picked before anyone has: a piece from the middle of a cell, which shows what is copied around it. */
export function firstSpan(disk: Disk): Span {
  const cell = disk.extended ? disk.clusterSize / CELLS : disk.clusterSize;
  const offset = disk.extended ? 3.5 * cell : cell / 4;
  const length = disk.extended ? 2 * cell : 2.5 * cell;
  return offset + length <= disk.size ? {offset, length} : {offset: 0, length: Math.max(1, Math.min(length, disk.size))};
}

const FACTORS: Record<string, number> = {'': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4};

/** A size as people type it: `64K`, `0x1c00`, `1.5 MiB`, `512`. null if it is none, or no whole number of bytes. */
export function parseSize(text: string): number | null {
  const clean = text.trim().replaceAll(/[_,\s]/g, '').toLowerCase();
  const hex = /^0x[0-9a-f]+$/.test(clean) ? Number(clean) : null;
  const parts = /^(\d+(?:\.\d+)?)(b|bytes?|[kmgt](?:i?b)?)?$/.exec(clean);
  const value = hex ?? (parts === null ? NaN : Number(parts[1]) * (FACTORS[(parts[2] ?? '').slice(0, 1)] ?? NaN));
  return Number.isSafeInteger(value) ? value : null;
}

/** A length as it is typed: `64K`, `1536`. */
export function sizeText(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const factor = FACTORS[unit.toLowerCase()] ?? 1;
    if (bytes > 0 && bytes % factor === 0) {
      return `${bytes / factor}${unit}`;
    }
  }
  return String(bytes);
}

/** The value of a byte: `0x5a`, `90`. */
export function parseByte(text: string): number | null {
  const value = parseSize(text);
  return value !== null && value <= 255 ? value : null;
}
