import type {Frame} from './frame';
import {FlatPainter} from './flat';
import {GlPainter} from './gl';

/** Draws the cells of a map into a canvas of its own. */
export interface CellPainter {
  paint(frame: Frame): void;
  /** The cells will not be painted any more: what was kept for them can go. */
  forget(cells: Uint8Array): void;
  end(): void;
}

/** null where there is no WebGL2. */
export function glPainterFor(canvas: HTMLCanvasElement): CellPainter | null {
  try {
    return new GlPainter(canvas);
  } catch {
    return null;
  }
}

/** null where a canvas cannot be drawn into at all. */
export function flatPainterFor(canvas: HTMLCanvasElement): CellPainter | null {
  const context = canvas.getContext('2d', {alpha: false});
  return context === null ? null : new FlatPainter(canvas, context);
}
