import type {Camera, Screen} from './camera';
import {cellAround, clusterAt, pointOf} from './plane';
import type {Plane, Point, Rect} from './plane';

/**
 * What a map shows at a scale: cells of many clusters, clusters, the subclusters of one, its bytes. The same zoom goes
 * through all of them.
 */
export type Stage = 'file' | 'region' | 'cluster' | 'subcluster' | 'bytes';

/** How a cluster is cut into subclusters and bytes. */
export interface Inside {
  clusterBits: number;
  /** 32 in images with extended L2 entries, else 1. */
  subclusters: number;
}

/** Subclusters lie in a cluster in four rows of eight. */
const SUBCLUSTER_COLUMNS = 8;
const SUBCLUSTER_ROWS = 4;

/** From these sizes in pixels on: of a cell that is drawn, of one that the keys move by, of a cluster with letters. */
const DRAWN_CELL = 1.5;
const CURSOR_CELL = 14;
export const ROOMY_CLUSTER = 10;
export const LETTER_CLUSTER = 24;
/** Of a cluster whose subclusters are shown, and of a byte whose digits are. */
export const SPLIT_CLUSTER = 128;
const LEGIBLE_BYTE = 17;
const CLOSEST_BYTE = 26;

/** The lowest level whose cells are large enough to be drawn. */
export function drawnLevel(plane: Plane, scale: number): number {
  return levelFor(plane, scale, DRAWN_CELL);
}

export function levelFor(plane: Plane, scale: number, pixels: number): number {
  let level = 0;
  while (level < plane.bits && scale * 2 ** level < pixels) {
    level++;
  }
  return level;
}

/** Bytes side by side in a cluster: as many as make a square, or one half as high as wide. */
function byteColumns({clusterBits}: Inside): number {
  return 2 ** Math.ceil(clusterBits / 2);
}

/** The scale from which one cannot come closer. */
export function closestScale(inside: Inside): number {
  return byteColumns(inside) * CLOSEST_BYTE;
}

export function byteSize(inside: Inside, scale: number): number {
  return scale / byteColumns(inside);
}

/** What the map shows now. */
export function stageOf(plane: Plane, inside: Inside, scale: number, fit: number): Stage {
  if (byteSize(inside, scale) >= LEGIBLE_BYTE) {
    return 'bytes';
  }
  if (scale >= SPLIT_CLUSTER) {
    return 'subcluster';
  }
  if (levelFor(plane, scale, ROOMY_CLUSTER) === 0) {
    return 'cluster';
  }
  return scale <= fit * 1.5 ? 'file' : 'region';
}

/** A place inside a cluster, in bytes from its start, and how many bytes are meant. */
export interface Spot {
  cluster: number;
  /** Clusters that are meant, if more than one. */
  level: number;
  offset: number;
  length: number;
}

/** Where a byte of a cluster is drawn, as a share of the cluster's side. */
export function byteRect(inside: Inside, offset: number): Rect {
  const columns = byteColumns(inside);
  const rows = 2 ** inside.clusterBits / columns;
  const block = 2 ** inside.clusterBits / inside.subclusters;
  const wide = inside.subclusters === 1 ? columns : columns / SUBCLUSTER_COLUMNS;
  const sub = Math.floor(offset / block);
  const within = offset % block;
  const x = (sub % SUBCLUSTER_COLUMNS) * wide + (within % wide);
  const y = Math.floor(sub / SUBCLUSTER_COLUMNS) * (rows / SUBCLUSTER_ROWS) + Math.floor(within / wide);
  return {x: x / columns, y: y / rows, width: 1 / columns, height: 1 / rows};
}

/** The byte of a cluster at a point inside it, of which both parts are from 0 to 1. */
export function byteAt(inside: Inside, {x, y}: Point): number {
  const columns = byteColumns(inside);
  const rows = 2 ** inside.clusterBits / columns;
  const [column, row] = [Math.min(columns - 1, Math.floor(x * columns)), Math.min(rows - 1, Math.floor(y * rows))];
  if (inside.subclusters === 1) {
    return row * columns + column;
  }
  const [wide, high] = [columns / SUBCLUSTER_COLUMNS, rows / SUBCLUSTER_ROWS];
  const sub = Math.floor(row / high) * SUBCLUSTER_COLUMNS + Math.floor(column / wide);
  return sub * wide * high + (row % high) * wide + (column % wide);
}

/** Where a subcluster is drawn, as a share of the cluster's side. */
export function subclusterRect({subclusters}: Inside, index: number): Rect {
  if (subclusters === 1) {
    return {x: 0, y: 0, width: 1, height: 1};
  }
  const [width, height] = [1 / SUBCLUSTER_COLUMNS, 1 / SUBCLUSTER_ROWS];
  return {x: (index % SUBCLUSTER_COLUMNS) * width, y: Math.floor(index / SUBCLUSTER_COLUMNS) * height, width, height};
}

/** The size in clusters of what keys move by and a click means at a scale. */
interface Grain {
  kind: 'cells' | 'subcluster' | 'byte';
  level: number;
  width: number;
  height: number;
}

export function grainOf(plane: Plane, inside: Inside, scale: number): Grain {
  if (byteSize(inside, scale) >= LEGIBLE_BYTE) {
    const {width, height} = byteRect(inside, 0);
    return {kind: 'byte', level: 0, width, height};
  }
  if (scale >= SPLIT_CLUSTER && inside.subclusters > 1) {
    return {kind: 'subcluster', level: 0, width: 1 / SUBCLUSTER_COLUMNS, height: 1 / SUBCLUSTER_ROWS};
  }
  const level = levelFor(plane, scale, CURSOR_CELL);
  return {kind: 'cells', level, width: 2 ** level, height: 2 ** level};
}

/** The grain at a point: a rectangle of the plane. */
export function grainRect(grain: Grain, {x, y}: Point): Rect {
  const {width, height} = grain;
  return {x: Math.floor(x / width) * width, y: Math.floor(y / height) * height, width, height};
}

/** What lies at a point of the plane, null outside of it. */
export function spotAt(plane: Plane, inside: Inside, grain: Grain, point: Point): Spot | null {
  const cell = cellAround(grain.level, point);
  const at = grain.level === 0 ? point : {x: cell.x * grain.width, y: cell.y * grain.height};
  const cluster = clusterAt(plane, at);
  // A cell at the end may have its first cluster elsewhere than in its corner.
  const known = cluster ?? clusterAt(plane, point);
  if (known === null) {
    return null;
  }
  const size = 2 ** inside.clusterBits;
  if (grain.kind === 'cells') {
    return {cluster: known, level: grain.level, offset: 0, length: size};
  }
  const within = {x: point.x - Math.floor(point.x), y: point.y - Math.floor(point.y)};
  const byte = byteAt(inside, within);
  if (grain.kind === 'byte') {
    return {cluster: known, level: 0, offset: byte, length: 1};
  }
  const length = size / inside.subclusters;
  return {cluster: known, level: 0, offset: Math.floor(byte / length) * length, length};
}

export type Move = 'left' | 'right' | 'up' | 'down' | 'page-up' | 'page-down' | 'row-start' | 'row-end' | 'start' | 'end';

/** Where the cursor, a point of the plane, goes by a key. It stays where there is nothing to go to. */
export function movedPoint(plane: Plane, inside: Inside, camera: Camera, screen: Screen, from: Point, move: Move): Point {
  const grain = grainOf(plane, inside, camera.scale);
  const rect = grainRect(grain, from);
  const middle = {x: rect.x + rect.width / 2, y: rect.y + rect.height / 2};
  const page = Math.max(1, Math.floor(screen.height / camera.scale / grain.height) - 1) * grain.height;
  const to = target(plane, middle, grain, page, move);
  return clusterAt(plane, to) === null ? nearest(plane, to, from) : to;
}

function target(plane: Plane, {x, y}: Point, grain: Grain, page: number, move: Move): Point {
  const side = 2 ** plane.bits;
  const inCluster = {x: grain.width / 2, y: grain.height / 2};
  const cornerOf = (cluster: number) => {
    const corner = pointOf(plane, cluster);
    return {x: corner.x + Math.min(0.5, inCluster.x), y: corner.y + Math.min(0.5, inCluster.y)};
  };
  switch (move) {
    case 'left':
      return {x: x - grain.width, y};
    case 'right':
      return {x: x + grain.width, y};
    case 'up':
      return {x, y: y - grain.height};
    case 'down':
      return {x, y: y + grain.height};
    case 'page-up':
      return {x, y: Math.max(grain.height / 2, y - page)};
    case 'page-down':
      return {x, y: y + page};
    case 'row-start':
      return plane.order === 'rows' ? {x: inCluster.x, y} : cornerOf(0);
    case 'row-end':
      return plane.order === 'rows' ? {x: side - inCluster.x, y} : cornerOf(Math.max(0, plane.clusters - 1));
    case 'start':
      return cornerOf(0);
    case 'end':
      return cornerOf(Math.max(0, plane.clusters - 1));
  }
}

/** Beyond the end of the last row the last cluster is meant; elsewhere the cursor stays. */
function nearest(plane: Plane, to: Point, from: Point): Point {
  if (plane.order === 'rows' && to.x >= 0 && to.x < 2 ** plane.bits && to.y > from.y) {
    const last = pointOf(plane, Math.max(0, plane.clusters - 1));
    const row = to.x < last.x + 1 ? last.y : last.y - 1;
    return row > Math.floor(from.y) ? {x: to.x, y: row + 0.5} : from;
  }
  if (plane.order === 'rows' && to.y >= 0 && to.x > from.x && to.x < 2 ** plane.bits) {
    const last = pointOf(plane, Math.max(0, plane.clusters - 1));
    return Math.floor(to.y) === last.y ? {x: last.x + 0.5, y: to.y} : from;
  }
  return from;
}
