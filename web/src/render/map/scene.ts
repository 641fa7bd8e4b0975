import {screenRect} from '../../model/map/camera';
import type {Camera, Screen} from '../../model/map/camera';
import type {MapPalette} from '../../model/map/colours';
import type {Inside, Stage} from '../../model/map/grain';
import type {Look} from '../../model/map/kinds';
import type {PlacedPin} from '../../model/map/pins';
import {clusterAt} from '../../model/map/plane';
import type {Plane, Rect} from '../../model/map/plane';

/** All that lies over the cells. Rectangles are parts of the plane. */
export interface Overlay {
  plane: Plane;
  camera: Camera;
  screen: Screen;
  palette: MapPalette;
  inside: Inside;
  stage: Stage;
  /** How a cluster looks, null while it is not known. */
  lookOf: (cluster: number) => Look | null;
  dimmed: (look: Look) => boolean;
  /** The states of a cluster's subclusters, null while they are not known. */
  statesOf: (cluster: number) => Uint8Array | null;
  /** Bytes of a cluster from an offset on, in pages, null while they are not known. */
  byteOf: (cluster: number, offset: number) => number | null;
  offsetText: (cluster: number, within?: number) => string;
  pins: readonly PlacedPin[];
  selected: readonly Rect[];
  /** What belongs to what is selected in the other map, and to what the pointer is on there. */
  linked: readonly {rects: readonly Rect[]; strong: boolean}[];
  /** What a plan writes to. */
  written: readonly Rect[];
  cursor: Rect | null;
  hovered: Rect | null;
}

export const MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", monospace';

/** Visits the clusters on screen. */
export function eachCluster(scene: Overlay, visit: (cluster: number, rect: Rect) => void): void {
  const {plane, camera, screen} = scene;
  const bottom = Math.ceil(camera.y + screen.height / camera.scale);
  const right = Math.ceil(camera.x + screen.width / camera.scale);
  for (let y = Math.max(0, Math.floor(camera.y)); y < bottom; y++) {
    for (let x = Math.max(0, Math.floor(camera.x)); x < right; x++) {
      const cluster = clusterAt(plane, {x, y});
      if (cluster !== null) {
        visit(cluster, screenRect(camera, {x, y, width: 1, height: 1}));
      }
    }
  }
}

/** Letters with a rim in the fill's colour, so that they can be read on a texture, too. */
export function letters(context: CanvasRenderingContext2D, {palette}: Overlay, look: Look, text: string, x: number, y: number): void {
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.strokeStyle = look.fill;
  context.strokeText(text, x, y);
  context.fillStyle = look.fill === palette.fills.free ? palette.ink : palette.letters;
  context.fillText(text, x, y);
}

/** Small text on a ground of its own. */
export function chip(context: CanvasRenderingContext2D, palette: MapPalette, text: string, x: number, y: number): void {
  const width = context.measureText(text).width;
  context.globalAlpha = 0.82;
  context.fillStyle = palette.page;
  context.beginPath();
  context.roundRect(x, y - 7, width + 6, 14, 3);
  context.fill();
  context.globalAlpha = 1;
  context.fillStyle = palette.ink;
  context.fillText(text, x + 3, y + 0.5);
}
