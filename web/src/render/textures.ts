import type {Texture} from '../model/owners';

/** Side of a texture in CSS pixels. */
const SIDE = 6;

/** A fill of the map: a colour, and lines over it in the colour of the page. */
interface TexturedFill {
  fill: string;
  texture: Texture;
  page: string;
  /** Pixels of the device for one of CSS. */
  ratio: number;
}

/** What a context fills areas with; where there are no patterns the plain colour. */
export function fillStyle(context: CanvasRenderingContext2D, textured: TexturedFill): string | CanvasPattern {
  const {fill, texture, ratio} = textured;
  const pattern = texture === 'plain' ? null : context.createPattern(tileOf(textured), 'repeat');
  // Patterns are laid out in device pixels, areas in CSS pixels.
  pattern?.setTransform(new DOMMatrix([1 / ratio, 0, 0, 1 / ratio, 0, 0]));
  return pattern ?? fill;
}

function tileOf({fill, texture, page, ratio}: TexturedFill): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  const side = Math.round(SIDE * ratio);
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext('2d');
  if (context !== null) {
    context.scale(side / SIDE, side / SIDE);
    context.fillStyle = fill;
    context.fillRect(0, 0, SIDE, SIDE);
    context.strokeStyle = page;
    context.fillStyle = page;
    context.globalAlpha = 0.6;
    context.lineWidth = 1.3;
    drawTexture(context, texture);
  }
  return canvas;
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
