import {cellOwner, cellRank, PAST_END} from '../model/cells';
import {cellRect, visibleRows} from '../model/layout';
import type {Layout, Rect, Window} from '../model/layout';
import {Marks} from '../model/marks';
import {OWNER_FACTS} from '../model/owners';
import type {Owner} from '../model/owners';
import type {Palette} from '../model/palette';
import {SEVERITIES, SEVERITY_FACTS} from '../model/severity';
import {SEVERITY_SHAPES, SHAPE_SIZE} from '../model/shapes';
import type {Textures} from './textures';

/** From this size on cells have gaps, textures and marks of their own. */
const ROOMY_CELL = 10;
/** From this size on cells also have letters. */
const LETTER_CELL = 24;
const SMALLEST_MARK = 11;
/** A ring goes around a mark, also where the cell is smaller. */
const SMALLEST_RING = 15;
const DIMMED = 0.16;

/** All that the picture depends on. */
export interface Scene {
  layout: Layout;
  window: Window;
  palette: Palette;
  textures: Textures;
  /** The byte of a cell, null while it is not known. */
  cell: (cell: number) => number | null;
  /** Owners that stay bright; all, if empty. */
  highlighted: ReadonlySet<Owner>;
  cursor: number | null;
  selected: number | null;
}

/** Draws the part of the map that is on screen. */
export function paintMap(context: CanvasRenderingContext2D, scene: Scene): void {
  const {layout, window, palette} = scene;
  context.fillStyle = palette.page;
  context.fillRect(0, 0, layout.columns * layout.cellWidth + 1, window.height);
  const marks = new Marks();
  const rows = visibleRows(layout, window);
  for (let row = rows.from; row < rows.to; row++) {
    if (layout.cellHeight < ROOMY_CELL) {
      paintThinRow(context, scene, row, marks);
    } else {
      paintRoomyRow(context, scene, row, marks);
    }
  }
  const size = layout.cellHeight < ROOMY_CELL ? SMALLEST_MARK : Math.min(18, layout.cellHeight * 0.55);
  for (const mark of marks.sorted()) {
    drawMark(context, palette, mark.x, mark.y, size, mark.rank);
  }
  outline(context, scene, scene.selected, 2.5);
  outline(context, scene, scene.cursor, 1.5);
}

/** Cells without gaps: neighbours that look alike are drawn as one. */
function paintThinRow(context: CanvasRenderingContext2D, scene: Scene, row: number, marks: Marks): void {
  const {layout} = scene;
  const first = row * layout.columns;
  let runStart = 0;
  let runOwner: Owner | null = null;
  for (let column = 0; column <= layout.columns; column++) {
    const byte = column < layout.columns ? known(scene, first + column) : null;
    const owner = byte === null ? null : cellOwner(byte);
    if (owner !== runOwner) {
      if (runOwner !== null) {
        fill(context, scene, runOwner, spanRect(scene, first + runStart, column - runStart), false);
      }
      runStart = column;
      runOwner = owner;
    }
    if (byte !== null && shown(scene, cellOwner(byte))) {
      marks.add(cellRect(layout, scene.window, first + column), cellRank(byte));
    }
  }
}

function paintRoomyRow(context: CanvasRenderingContext2D, scene: Scene, row: number, marks: Marks): void {
  const {layout, window} = scene;
  for (let column = 0; column < layout.columns; column++) {
    const cell = row * layout.columns + column;
    const byte = known(scene, cell);
    if (byte === null) {
      continue;
    }
    const owner = cellOwner(byte);
    const rect = inset(cellRect(layout, window, cell), layout.cellHeight >= LETTER_CELL ? 1 : 0.5);
    fill(context, scene, owner, rect, true);
    if (shown(scene, owner) && cellRank(byte) > 1) {
      marks.add(cellRect(layout, window, cell), cellRank(byte));
    } else if (layout.cellHeight >= LETTER_CELL && layout.perCell === 1) {
      drawLetters(context, scene, owner, rect);
    }
  }
}

function known(scene: Scene, cell: number): number | null {
  const byte = cell < scene.layout.cells ? scene.cell(cell) : null;
  return byte === PAST_END ? null : byte;
}

function shown(scene: Scene, owner: Owner): boolean {
  return scene.highlighted.size === 0 || scene.highlighted.has(owner);
}

function fill(context: CanvasRenderingContext2D, scene: Scene, owner: Owner, rect: Rect, textured: boolean): void {
  context.globalAlpha = shown(scene, owner) ? 1 : DIMMED;
  context.fillStyle = textured ? scene.textures.fill(owner, context) : scene.textures.colour(owner);
  context.fillRect(rect.x, rect.y, rect.width, rect.height);
  context.globalAlpha = 1;
}

/** Edges on whole pixels of the screen, so that neighbours leave no seam. */
function spanRect({layout, window}: Scene, cell: number, cells: number): Rect {
  const rect = cellRect(layout, window, cell);
  const left = Math.round(rect.x);
  const top = Math.round(rect.y);
  return {
    x: left,
    y: top,
    width: Math.round(rect.x + cells * rect.width) - left,
    height: Math.round(rect.y + rect.height) - top,
  };
}

function inset(rect: Rect, by: number): Rect {
  return {x: rect.x + by, y: rect.y + by, width: rect.width - 2 * by, height: rect.height - 2 * by};
}

function drawLetters(context: CanvasRenderingContext2D, scene: Scene, owner: Owner, rect: Rect): void {
  const {letters} = OWNER_FACTS[owner];
  if (letters === '' || !shown(scene, owner)) {
    return;
  }
  context.font = '600 10px ui-monospace, "DejaVu Sans Mono", monospace';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const x = rect.x + rect.width / 2;
  const y = rect.y + rect.height / 2 + 0.5;
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.strokeStyle = scene.textures.colour(owner);
  context.strokeText(letters, x, y);
  context.fillStyle = scene.palette.letters;
  context.fillText(letters, x, y);
}

const SHAPES = new Map<number, Path2D>();

function shapeOf(rank: number): Path2D {
  const path = SHAPES.get(rank) ?? new Path2D(SEVERITY_SHAPES[SEVERITIES[rank] ?? 'none']);
  SHAPES.set(rank, path);
  return path;
}

/** A mark with a rim in the page's colour, so that it stands out from any fill. */
export function drawMark(
  context: CanvasRenderingContext2D,
  palette: Palette,
  x: number,
  y: number,
  size: number,
  rank: number,
): void {
  const shape = shapeOf(rank);
  context.save();
  context.translate(x - size / 2, y - size / 2);
  context.scale(size / SHAPE_SIZE, size / SHAPE_SIZE);
  context.lineJoin = 'round';
  context.lineWidth = 4.5;
  context.strokeStyle = palette.page;
  context.stroke(shape);
  context.fillStyle = palette.page;
  context.fill(shape);
  context.fillStyle = palette.ink;
  context.fill(shape, 'evenodd');
  context.restore();
}

/** A double ring: dark and light, so that one of them shows on any fill. */
function outline(context: CanvasRenderingContext2D, scene: Scene, cell: number | null, width: number): void {
  if (cell === null) {
    return;
  }
  const place = cellRect(scene.layout, scene.window, cell);
  const rect = within(inset(place, -Math.max(1.5, (SMALLEST_RING - place.width) / 2)), scene, width);
  context.lineJoin = 'round';
  context.strokeStyle = scene.palette.page;
  context.lineWidth = width + 3;
  context.strokeRect(rect.x, rect.y, rect.width, rect.height);
  context.strokeStyle = scene.palette.ink;
  context.lineWidth = width;
  context.strokeRect(rect.x, rect.y, rect.width, rect.height);
}

/** The rectangle cut so that a ring around it is seen whole, unless it is off the screen. */
function within(rect: Rect, {layout, window}: Scene, by: number): Rect {
  const x = Math.max(by, rect.x);
  const y = rect.y + rect.height < 0 ? rect.y : Math.max(by, rect.y);
  const right = Math.min(layout.columns * layout.cellWidth - by, rect.x + rect.width);
  const bottom = rect.y > window.height ? rect.y + rect.height : Math.min(window.height - by, rect.y + rect.height);
  return {x, y, width: right - x, height: bottom - y};
}

/** What a cell is, in words, for the live region. */
export function cellText(byte: number | null): string {
  if (byte === null || byte === PAST_END) {
    return 'not read yet';
  }
  const severity = SEVERITIES[cellRank(byte)] ?? 'none';
  const owner = OWNER_FACTS[cellOwner(byte)].label;
  return severity === 'none' ? owner : `${owner}, ${SEVERITY_FACTS[severity].word.toLowerCase()}`;
}
