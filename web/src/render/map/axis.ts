import {clusterAt} from '../../model/map/plane';
import {formatBytes, formatHex} from '../../base/units';
import type {Frame} from './frame';
import type {MapPalette} from '../../model/map/colours';
import {MONO} from './scene';

/** Labels need so many pixels each. */
const DISTANCE = 34;
const MOST_DIGITS = 9;

/** Beside a map in rows: the offsets at which rows begin. */
export function paintAxis(canvas: HTMLCanvasElement, {plane, camera, ratio}: Frame, palette: MapPalette, clusterSize: number): void {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const context = width > 0 ? canvas.getContext('2d', {alpha: false}) : null;
  if (context === null) {
    return;
  }
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    [canvas.width, canvas.height] = [across, down];
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = palette.page;
  context.fillRect(0, 0, width, height);
  context.fillStyle = palette.ink;
  context.globalAlpha = 0.75;
  context.font = `500 10.5px ${MONO}`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  let step = 1;
  while (step * camera.scale < DISTANCE) {
    step *= 2;
  }
  const last = Math.ceil(camera.y + height / camera.scale);
  for (let row = Math.ceil(Math.max(0, camera.y) / step) * step; row < last; row += step) {
    const cluster = clusterAt(plane, {x: 0, y: row});
    const y = (row - camera.y) * camera.scale + Math.min(8, camera.scale / 2);
    if (cluster !== null && y >= 5 && y <= height - 5) {
      context.fillText(label(cluster * clusterSize), width - 2, y);
    }
  }
  context.globalAlpha = 1;
}

/** Large offsets are shorter in units; rows begin at round ones. */
function label(offset: number): string {
  const hex = formatHex(offset);
  return hex.length <= MOST_DIGITS ? hex : formatBytes(offset);
}
