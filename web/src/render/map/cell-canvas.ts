import type {Frame} from './frame';
import {flatPainterFor, glPainterFor} from './painter';
import type {CellPainter} from './painter';

/** How the cells are painted; also a data attribute of the element that holds the canvas. */
type PaintedBy = 'webgl' | 'canvas' | 'nothing';

/**
 * The canvas of the cells: with WebGL2 if there is any, else, or while the graphics card has lost it, without. A canvas
 * that has had the one kind of context never gets the other, so there are two of them.
 */
export class CellCanvas {
  private readonly gl: HTMLCanvasElement;
  private shown: HTMLCanvasElement | null = null;
  private painter: CellPainter | null = null;
  private readonly ended = new AbortController();

  /** @param changed called when what painted before is gone, and all must be painted again */
  constructor(
    private readonly holder: HTMLElement,
    private readonly changed: () => void,
  ) {
    this.gl = this.newCanvas();
    const {signal} = this.ended;
    this.gl.addEventListener('webglcontextlost', (event) => {
      event.preventDefault(); // else it is never given back
      this.useFlat();
      this.changed();
    }, {signal});
    this.gl.addEventListener('webglcontextrestored', () => {
      this.useGl();
      this.changed();
    }, {signal});
    this.useGl();
  }

  /** Fits the canvas to its place, in pixels of the device. */
  size(width: number, height: number): void {
    const {shown} = this;
    if (shown !== null && (shown.width !== width || shown.height !== height)) {
      [shown.width, shown.height] = [width, height];
    }
  }

  paint(frame: Frame): void {
    this.painter?.paint(frame);
  }

  forget(cells: Uint8Array): void {
    this.painter?.forget(cells);
  }

  end(): void {
    this.ended.abort();
    this.painter?.end();
    this.painter = null;
    this.shown?.remove();
  }

  private useGl(): void {
    const painter = glPainterFor(this.gl);
    if (painter === null) {
      this.useFlat();
    } else {
      this.show(this.gl, painter, 'webgl');
    }
  }

  private useFlat(): void {
    const canvas = this.newCanvas();
    const painter = flatPainterFor(canvas);
    this.show(canvas, painter, painter === null ? 'nothing' : 'canvas');
  }

  private show(canvas: HTMLCanvasElement, painter: CellPainter | null, by: PaintedBy): void {
    if (this.shown !== null) {
      [canvas.width, canvas.height] = [this.shown.width, this.shown.height];
      this.shown.remove();
    }
    this.holder.prepend(canvas);
    this.holder.dataset['painter'] = by;
    [this.shown, this.painter] = [canvas, painter];
  }

  private newCanvas(): HTMLCanvasElement {
    const canvas = document.createElement('canvas');
    canvas.setAttribute('aria-hidden', 'true');
    return canvas;
  }
}
