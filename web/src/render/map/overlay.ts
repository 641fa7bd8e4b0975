import {screenRect} from '../../model/map/camera';
import type {Screen} from '../../model/map/camera';
import {LETTER_CLUSTER, SPLIT_CLUSTER} from '../../model/map/grain';
import {WRITTEN_CELL} from '../../model/map/pins';
import type {Rect} from '../../model/map/plane';
import {paintBytes, paintSplit} from './inside';
import {drawPin} from './mark';
import {eachCluster, letters, MONO} from './scene';
import type {Overlay} from './scene';

/** Paints what lies over the cells: letters, what is inside clusters, addresses, marks, what is meant. */
export function paintOverlay(context: CanvasRenderingContext2D, scene: Overlay): void {
  context.clearRect(0, 0, scene.screen.width, scene.screen.height);
  for (const {rects, strong} of scene.linked) {
    outline(context, scene, rects, strong);
  }
  if (scene.stage === 'bytes') {
    paintBytes(context, scene);
  } else if (scene.camera.scale >= SPLIT_CLUSTER) {
    paintSplit(context, scene);
  } else if (scene.camera.scale >= LETTER_CLUSTER) {
    paintLetters(context, scene);
  }
  paintCorners(context, scene);
  for (const part of scene.selected) {
    ring(context, scene, part, 2.5);
  }
  if (scene.hovered !== null) {
    ring(context, scene, scene.hovered, 1);
  }
  for (const pin of [...scene.pins].sort((a, b) => a.rank - b.rank)) {
    drawPin(context, scene.palette, pin, pinSize(scene), scene.screen);
  }
  if (scene.cursor !== null) {
    ring(context, scene, scene.cursor, 1.5);
  }
}

function pinSize({camera}: Overlay): number {
  return camera.scale < LETTER_CLUSTER ? 13 : Math.min(20, camera.scale * 0.5);
}

function paintLetters(context: CanvasRenderingContext2D, scene: Overlay): void {
  const {camera, pins} = scene;
  const size = Math.max(10, Math.min(16, camera.scale * 0.3));
  context.font = `600 ${size}px ${MONO}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const marked = camera.scale < WRITTEN_CELL ? new Set(pins.map((pin) => pin.cluster)) : new Set<number>();
  eachCluster(scene, (cluster, rect) => {
    const look = scene.lookOf(cluster);
    if (look === null || look.letters === '' || scene.dimmed(look) || marked.has(cluster)) {
      return;
    }
    letters(context, scene, look, look.letters, rect.x + rect.width / 2, rect.y + rect.height / 2 + 0.5);
    if (camera.scale >= 84) {
      context.font = `500 10px ${MONO}`;
      letters(context, scene, look, scene.offsetText(cluster), rect.x + rect.width / 2, rect.y + rect.height - 12);
      context.font = `600 ${size}px ${MONO}`;
    }
  });
}

const SMALLEST_RING = 15;
const SMALLEST_LINK = 5;

/** A double ring, dark and light, so that one of them shows on any fill. */
function ring(context: CanvasRenderingContext2D, {camera, screen, palette}: Overlay, part: Rect, width: number): void {
  const rect = screenRect(camera, part);
  const grow = Math.max(1, (SMALLEST_RING - Math.min(rect.width, rect.height)) / 2);
  const left = Math.max(width, rect.x - grow);
  const top = Math.max(width, rect.y - grow);
  const right = Math.min(screen.width - width, rect.x + rect.width + grow);
  const bottom = Math.min(screen.height - width, rect.y + rect.height + grow);
  if (right <= left || bottom <= top) {
    return;
  }
  context.lineJoin = 'round';
  context.strokeStyle = palette.page;
  context.lineWidth = width + 3;
  context.strokeRect(left, top, right - left, bottom - top);
  context.strokeStyle = palette.ink;
  context.lineWidth = width;
  context.strokeRect(left, top, right - left, bottom - top);
}

const CORNER = 13;
const SMALLEST_CORNER = 9;

/** What a plan writes to has a corner turned down. Of corners that would lie on one another one is painted. */
function paintCorners(context: CanvasRenderingContext2D, {camera, screen, palette, written}: Overlay): void {
  const size = Math.max(SMALLEST_CORNER, Math.min(CORNER, camera.scale / 2));
  const painted = new Set<string>();
  for (const part of written) {
    const rect = screenRect(camera, part);
    if (rect.x + rect.width < 0 || rect.y + rect.height < 0 || rect.x > screen.width || rect.y > screen.height) {
      continue;
    }
    // In a small cell the corner is larger than the cell, and seen whole at the edge, too.
    const right = rect.width < size ? Math.min(rect.x + size, screen.width - RIM) : rect.x + rect.width;
    const bottom = rect.height < size ? Math.min(rect.y + size, screen.height - RIM) : rect.y + rect.height;
    const place = `${Math.floor(right / size)} ${Math.floor(bottom / size)}`;
    if (!painted.has(place)) {
      painted.add(place);
      paintCorner(context, palette, right, bottom, size);
    }
  }
}

const RIM = 1.5;

/** A dark triangle with a light rim. */
function paintCorner(context: CanvasRenderingContext2D, palette: Overlay['palette'], right: number, bottom: number, size: number): void {
  for (const [grow, colour] of [
    [RIM, palette.page],
    [0, palette.ink],
  ] as const) {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(right + grow, bottom - size - 2.5 * grow);
    context.lineTo(right + grow, bottom + grow);
    context.lineTo(right - size - 2.5 * grow, bottom + grow);
    context.fill();
  }
}

/**
 * What belongs to what is meant in the other map: an outline around all of it together. It is painted as ever smaller
 * rectangles, the last of which clear the middle, so that what touches has no line between; so nothing may be below.
 */
function outline(context: CanvasRenderingContext2D, {camera, screen, palette}: Overlay, parts: readonly Rect[], strong: boolean): void {
  const rects = parts.map((part) => visible(screenRect(camera, part), screen)).filter((rect) => rect !== null);
  const ink = strong ? 2.5 : 1.5;
  for (const [grow, colour] of [
    [ink + 1.5, palette.page],
    [ink, palette.ink],
  ] as const) {
    context.fillStyle = colour;
    for (const {x, y, width, height} of rects) {
      context.fillRect(x - grow, y - grow, width + 2 * grow, height + 2 * grow);
    }
  }
  for (const {x, y, width, height} of rects) {
    context.clearRect(x, y, width, height);
  }
}

/** At least so large that it can be seen; null if it is off the screen. */
function visible(rect: Rect, screen: Screen): Rect | null {
  const [growX, growY] = [Math.max(0, SMALLEST_LINK - rect.width) / 2, Math.max(0, SMALLEST_LINK - rect.height) / 2];
  const left = Math.max(-20, rect.x - growX);
  const top = Math.max(-20, rect.y - growY);
  const right = Math.min(screen.width + 20, rect.x + rect.width + growX);
  const bottom = Math.min(screen.height + 20, rect.y + rect.height + growY);
  return right <= -10 || bottom <= -10 || left >= screen.width + 10 || top >= screen.height + 10
    ? null
    : {x: left, y: top, width: right - left, height: bottom - top};
}
