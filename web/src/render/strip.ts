import {cellOwner, cellRank, PAST_END} from '../model/cells';
import type {Palette} from '../model/palette';
import {SEVERITIES} from '../model/severity';
import type {Textures} from './textures';

const WASTE = SEVERITIES.indexOf('waste');
const DAMAGE = SEVERITIES.indexOf('damage');

/** The whole file as a narrow strip: one cell a pixel of its height, ticks where something is wrong. */
export interface StripScene {
  width: number;
  height: number;
  cells: Uint8Array;
  palette: Palette;
  textures: Textures;
  /** What the map shows of it, as shares of the file. */
  from: number;
  to: number;
}

const TICKS = 9;

export function paintStrip(context: CanvasRenderingContext2D, scene: StripScene): void {
  const {width, height, cells, palette, textures} = scene;
  context.fillStyle = palette.page;
  context.fillRect(0, 0, width, height);
  const step = height / cells.length;
  for (const [i, byte] of cells.entries()) {
    if (byte !== PAST_END) {
      context.fillStyle = textures.colour(cellOwner(byte));
      context.fillRect(0, Math.floor(i * step), width - TICKS, Math.ceil(step));
    }
  }
  context.fillStyle = palette.ink;
  for (const [i, byte] of cells.entries()) {
    if (byte !== PAST_END && cellRank(byte) >= WASTE) {
      // Waste is a short tick, damage and danger a long one; never thinner than can be seen.
      const length = cellRank(byte) >= DAMAGE ? TICKS - 1 : 4;
      context.fillRect(width - TICKS + 1, Math.max(0, Math.min(height - 2, i * step - 0.5)), length, 2);
    }
  }
  frameWindow(context, scene);
}

function frameWindow(context: CanvasRenderingContext2D, {width, height, palette, from, to}: StripScene): void {
  if (from <= 0 && to >= 1) {
    return;
  }
  const top = Math.max(1.5, Math.min(height - 6, from * height));
  const bottom = Math.min(height - 1.5, Math.max(top + 4, to * height));
  context.strokeStyle = palette.page;
  context.lineWidth = 4;
  context.strokeRect(1.5, top, width - TICKS - 3, bottom - top);
  context.strokeStyle = palette.ink;
  context.lineWidth = 2;
  context.strokeRect(1.5, top, width - TICKS - 3, bottom - top);
}
