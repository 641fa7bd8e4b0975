import {shownPart} from '../../model/map/camera';
import {levelFor} from '../../model/map/grain';
import {clusterAt, clustersOf, rowLength, tilesIn} from '../../model/map/plane';
import type {Plane, TilePlace} from '../../model/map/plane';
import type {Palette} from '../../model/palette';
import {SEVERITIES} from '../../model/severity';
import {PAST_END, strength, tableIndex} from './frame';
import type {Frame, Tile} from './frame';

/** The whole file or disk as a narrow strip, from its start above to its end below. */
interface StripScene {
  frame: Frame;
  palette: Palette;
  /** A tile with all that there is: what is coloured, and what is wrong. */
  cells: Tile | null;
  marks: Tile | null;
  /** The map shows everything. */
  wholeShown: boolean;
  hovered: number | null;
  selected: number | null;
}

/** A strip needs so many cells, as powers of two: rows lie below each other, on the curve they do not. */
const ROW_BITS = 9;
const CURVE_BITS = 6;

/** The one tile that a strip is made of. */
export function stripPlace(plane: Plane): TilePlace {
  const bits = plane.order === 'rows' ? ROW_BITS : CURVE_BITS;
  const [place] = tilesIn(plane, Math.max(0, plane.bits - bits), {x: 0, y: 0, width: 1, height: 1});
  if (place === undefined) {
    throw new Error('a plane without a tile');
  }
  return place;
}

/** What is painted of a strip at one pixel of its height. */
interface Line {
  colour: string;
  /** Index in SEVERITIES. */
  rank: number;
}

const WASTE = SEVERITIES.indexOf('waste');
const DAMAGE = SEVERITIES.indexOf('damage');
const SHOWN_WIDTH = 4;
const TICKS_WIDTH = 8;
/** Of a part on screen that is looked up at once. */
const SHOWN_CELL = 20;

export class StripPainter {
  private lines: {cells: Tile; marks: Tile | null; table: Uint8Array; height: number; list: Line[]} | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  paint(scene: StripScene): void {
    const {canvas} = this;
    const {frame, palette} = scene;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const [across, down] = [Math.round(width * frame.ratio), Math.round(height * frame.ratio)];
    if (canvas.width !== across || canvas.height !== down) {
      [canvas.width, canvas.height] = [across, down];
    }
    const context = canvas.getContext('2d', {alpha: false});
    if (context === null || height === 0) {
      return;
    }
    context.setTransform(frame.ratio, 0, 0, frame.ratio, 0, 0);
    context.fillStyle = palette.page;
    context.fillRect(0, 0, width, height);
    const [left, right] = [SHOWN_WIDTH + 2, width - TICKS_WIDTH];
    for (const [y, {colour, rank}] of this.linesOf(scene, Math.round(height)).entries()) {
      context.fillStyle = colour;
      context.fillRect(left, y, right - left, 1.02);
      if (rank >= WASTE) {
        // Waste is a short tick, damage and danger a long one; never thinner than can be seen.
        context.fillStyle = palette.ink;
        context.fillRect(right + 1, Math.min(height - 2, y), rank >= DAMAGE ? TICKS_WIDTH - 1 : 4, 2);
      }
    }
    paintShown(context, scene, height);
    for (const [cluster, thick] of [
      [scene.hovered, 1],
      [scene.selected, 2],
    ] as const) {
      if (cluster !== null && cluster < frame.plane.clusters) {
        const y = (cluster / frame.plane.clusters) * height;
        context.fillStyle = palette.page;
        context.fillRect(left - 1, y - thick / 2 - 1, right - left + 2, thick + 2);
        context.fillStyle = palette.ink;
        context.fillRect(left - 1, y - thick / 2, right - left + 2, thick);
      }
    }
  }

  private linesOf({frame, cells, marks}: StripScene, height: number): Line[] {
    if (cells === null) {
      return [];
    }
    const known = this.lines;
    if (known !== null && known.cells === cells && known.marks === marks && known.table === frame.table && known.height === height) {
      return known.list;
    }
    const list = linesFrom(frame, cells, marks, height);
    this.lines = {cells, marks, table: frame.table, height, list};
    return list;
  }
}

/** Beside the strip: what the map shows of it. On the curve that may be several pieces. */
function paintShown(context: CanvasRenderingContext2D, {frame, palette, wholeShown}: StripScene, height: number): void {
  const {plane, camera, screen} = frame;
  if (wholeShown) {
    return;
  }
  const part = shownPart(camera, screen);
  const level = levelFor(plane, camera.scale, SHOWN_CELL);
  const size = 2 ** level;
  context.fillStyle = palette.ink;
  for (let y = Math.max(0, Math.floor(part.y / size)); y * size < part.y + part.height; y++) {
    for (let x = Math.max(0, Math.floor(part.x / size)); x * size < part.x + part.width; x++) {
      if (clusterAt(plane, {x: x * size, y: y * size}) !== null) {
        const {first, count} = clustersOf(plane, {level, x, y});
        const span = plane.order === 'rows' ? 2 ** plane.bits * (size - 1) + count / size : count;
        context.fillRect(0, (first / plane.clusters) * height, SHOWN_WIDTH, Math.max(2, (span / plane.clusters) * height));
      }
    }
  }
}

/** Each line has the colour that most of its cells have, and the worst of what is wrong. */
function linesFrom(frame: Frame, cells: Tile, marks: Tile | null, height: number): Line[] {
  const {plane, mode, table} = frame;
  // In rows of cells of many clusters the order is lost within a row of cells.
  const side = plane.order === 'rows' && cells.place.level > 0 ? rowLength(plane, cells.place) : 1;
  const groups = Math.ceil(usedCells(plane, cells.place) / side);
  return Array.from({length: height}, (_, y) => {
    const from = Math.floor((y * groups) / height);
    const to = Math.max(from + 1, Math.floor(((y + 1) * groups) / height));
    const counts = new Map<number, number>();
    let rank = 0;
    for (let i = from * side; i < to * side && 2 * i < cells.cells.length; i++) {
      const [a, b] = [cells.cells[2 * i] ?? PAST_END, cells.cells[2 * i + 1] ?? 0];
      if (a !== PAST_END) {
        const index = tableIndex(mode, a, b, () => y / height);
        // What is in use counts for more than what is free.
        counts.set(index, (counts.get(index) ?? 0) + (index === 0 ? 0.01 : strength(mode, a, b)));
      }
      const mark = marks?.cells[2 * i] ?? PAST_END;
      rank = mark === PAST_END ? rank : Math.max(rank, mark >> 5);
    }
    const [most] = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), [0, -1]);
    return {colour: `rgb(${table[4 * most] ?? 0} ${table[4 * most + 1] ?? 0} ${table[4 * most + 2] ?? 0})`, rank};
  });
}

/** Cells of the tile that stand for any clusters. */
function usedCells(plane: Plane, place: TilePlace): number {
  const size = 2 ** place.level;
  return plane.order === 'rows' && size > 1
    ? Math.ceil(plane.clusters / (2 ** plane.bits * size)) * rowLength(plane, place)
    : Math.ceil(plane.clusters / size ** 2);
}
