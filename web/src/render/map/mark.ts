import type {Screen} from '../../model/map/camera';
import type {PlacedPin} from '../../model/map/pins';
import {shortCount} from '../../model/map/pins';
import type {Palette} from '../../model/palette';
import {SEVERITIES} from '../../model/severity';
import {SEVERITY_SHAPES, SHAPE_SIZE} from '../../model/shapes';

const SHAPES = new Map<number, Path2D>();

function shapeOf(rank: number): Path2D {
  const path = SHAPES.get(rank) ?? new Path2D(SEVERITY_SHAPES[SEVERITIES[rank] ?? 'none']);
  SHAPES.set(rank, path);
  return path;
}

/** A mark with a rim in the page's colour, so that it stands out from any fill. */
function drawMark(context: CanvasRenderingContext2D, palette: Palette, x: number, y: number, size: number, rank: number): void {
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

const COUNT_FONT = '650 10.5px system-ui, "Liberation Sans", Arial, sans-serif';

/** A mark and, if it stands for more than one cluster, how many, where the picture has room for it. */
export function drawPin(context: CanvasRenderingContext2D, palette: Palette, pin: PlacedPin, size: number, screen: Screen): void {
  drawMark(context, palette, pin.x, pin.y, size, pin.rank);
  if (pin.count < 2) {
    return;
  }
  const text = shortCount(pin.count);
  context.font = COUNT_FONT;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const width = context.measureText(text).width + 7;
  const x = Math.max(width / 2 + 1, Math.min(screen.width - width / 2 - 1, pin.x));
  const below = pin.y + size / 2 + 7;
  const y = below + 7.5 > screen.height ? pin.y - size / 2 - 7 : below;
  context.fillStyle = palette.page;
  context.strokeStyle = palette.ink;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(x - width / 2, y - 6.5, width, 13, 6.5);
  context.fill();
  context.stroke();
  context.fillStyle = palette.ink;
  context.fillText(text, x, y + 0.5);
}
