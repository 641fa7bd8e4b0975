import {OWNER_FACTS} from '../model/owners';
import type {Owner, Texture} from '../model/owners';
import type {Palette} from '../model/palette';

/** Side of a texture in CSS pixels. */
const SIDE = 6;

/** Fills of owners: a plain colour, or a pattern of the page's colour over it. Made once for a palette and a resolution. */
export class Textures {
  private readonly patterns = new Map<Owner, CanvasPattern>();

  constructor(
    private readonly palette: Palette,
    private readonly ratio: number,
  ) {}

  /** For areas that are too small for a texture. */
  colour(owner: Owner): string {
    return this.palette.fills[OWNER_FACTS[owner].family];
  }

  fill(owner: Owner, context: CanvasRenderingContext2D): string | CanvasPattern {
    const {texture} = OWNER_FACTS[owner];
    if (texture === 'plain') {
      return this.colour(owner);
    }
    const known = this.patterns.get(owner);
    if (known !== undefined) {
      return known;
    }
    const pattern = context.createPattern(this.swatch(this.colour(owner), texture), 'repeat');
    if (pattern === null) {
      return this.colour(owner);
    }
    // Patterns are laid out in device pixels, the map in CSS pixels.
    pattern.setTransform(new DOMMatrix([1 / this.ratio, 0, 0, 1 / this.ratio, 0, 0]));
    this.patterns.set(owner, pattern);
    return pattern;
  }

  private swatch(colour: string, texture: Texture): HTMLCanvasElement {
    const canvas = document.createElement('canvas');
    const side = Math.round(SIDE * this.ratio);
    canvas.width = side;
    canvas.height = side;
    const context = canvas.getContext('2d');
    if (context !== null) {
      context.scale(side / SIDE, side / SIDE);
      context.fillStyle = colour;
      context.fillRect(0, 0, SIDE, SIDE);
      context.strokeStyle = this.palette.page;
      context.fillStyle = this.palette.page;
      context.globalAlpha = 0.6;
      context.lineWidth = 1.3;
      drawTexture(context, texture);
    }
    return canvas;
  }
}

/** Line segments of a texture in a square of SIDE. They go beyond its corners, so that it joins with itself. */
const LINES: Record<Texture, readonly (readonly [number, number, number, number])[]> = {
  plain: [],
  dots: [],
  rising: [
    [-1, 1, 1, -1],
    [0, SIDE, SIDE, 0],
    [SIDE - 1, SIDE + 1, SIDE + 1, SIDE - 1],
  ],
  falling: [
    [-1, SIDE - 1, 1, SIDE + 1],
    [0, 0, SIDE, SIDE],
    [SIDE - 1, -1, SIDE + 1, 1],
  ],
  upright: [[SIDE / 2, 0, SIDE / 2, SIDE]],
  level: [[0, SIDE / 2, SIDE, SIDE / 2]],
  grid: [
    [SIDE / 2, 0, SIDE / 2, SIDE],
    [0, SIDE / 2, SIDE, SIDE / 2],
  ],
  frame: [],
};

function drawTexture(context: CanvasRenderingContext2D, texture: Texture): void {
  for (const [x1, y1, x2, y2] of LINES[texture]) {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  }
  if (texture === 'dots') {
    context.fillRect(SIDE / 2 - 1, SIDE / 2 - 1, 2, 2);
  }
  if (texture === 'frame') {
    context.strokeRect(1.5, 1.5, SIDE - 3, SIDE - 3);
  }
}
