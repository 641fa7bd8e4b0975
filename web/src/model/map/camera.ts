import type {Point, Rect} from './plane';

/** What part of a plane a screen shows. Lengths on screen are in CSS pixels. */
export interface Camera {
  /** The point of the plane in the upper left corner of the screen. */
  x: number;
  y: number;
  /** Pixels for a cluster. */
  scale: number;
}

export interface Screen {
  width: number;
  height: number;
}

/** What the camera may look at: a plane's extent, and how large a cluster may become. */
export interface Bounds {
  width: number;
  height: number;
  closest: number;
}

/** The scale at which all can be seen. */
export function fitScale(bounds: Bounds, screen: Screen): number {
  return Math.min(bounds.closest, screen.width / bounds.width, screen.height / bounds.height);
}

/** All of the plane, in the middle of the screen. */
export function wholeOf(bounds: Bounds, screen: Screen): Camera {
  return clamped({x: 0, y: 0, scale: fitScale(bounds, screen)}, bounds, screen);
}

/** The camera moved so that it shows no more nothing than it must. */
export function clamped(camera: Camera, bounds: Bounds, screen: Screen): Camera {
  const scale = Math.max(fitScale(bounds, screen), Math.min(bounds.closest, camera.scale));
  const along = (at: number, length: number, pixels: number) => {
    const shown = pixels / scale;
    return shown >= length ? (length - shown) / 2 : Math.max(0, Math.min(length - shown, at));
  };
  return {x: along(camera.x, bounds.width, screen.width), y: along(camera.y, bounds.height, screen.height), scale};
}

export function panned(camera: Camera, right: number, down: number): Camera {
  return {...camera, x: camera.x + right / camera.scale, y: camera.y + down / camera.scale};
}

/** Closer by a factor; the point of the plane under a point of the screen stays there. */
export function zoomed(camera: Camera, factor: number, at: Point, bounds: Bounds, screen: Screen): Camera {
  const scale = Math.max(fitScale(bounds, screen), Math.min(bounds.closest, camera.scale * factor));
  const under = planePoint(camera, at);
  return clamped({x: under.x - at.x / scale, y: under.y - at.y / scale, scale}, bounds, screen);
}

export function planePoint(camera: Camera, {x, y}: Point): Point {
  return {x: camera.x + x / camera.scale, y: camera.y + y / camera.scale};
}

export function screenPoint(camera: Camera, {x, y}: Point): Point {
  return {x: (x - camera.x) * camera.scale, y: (y - camera.y) * camera.scale};
}

export function screenRect(camera: Camera, {x, y, width, height}: Rect): Rect {
  const at = screenPoint(camera, {x, y});
  return {...at, width: width * camera.scale, height: height * camera.scale};
}

/** The part of the plane that is on screen. */
export function shownPart(camera: Camera, screen: Screen): Rect {
  return {x: camera.x, y: camera.y, width: screen.width / camera.scale, height: screen.height / camera.scale};
}

/** The camera moved as little as needed to show a part of the plane, with a margin in pixels if there is room. */
export function revealed(camera: Camera, part: Rect, bounds: Bounds, screen: Screen, margin = 24): Camera {
  const along = (at: number, pixels: number, from: number, length: number) => {
    const shown = pixels / camera.scale;
    const room = Math.max(0, Math.min(margin / camera.scale, (shown - length) / 2));
    return Math.max(from + length + room - shown, Math.min(from - room, at));
  };
  const x = along(camera.x, screen.width, part.x, part.width);
  const y = along(camera.y, screen.height, part.y, part.height);
  return clamped({...camera, x, y}, bounds, screen);
}

/** The camera at a scale, with a point of the plane in the middle. */
export function centred({x, y}: Point, scale: number, bounds: Bounds, screen: Screen): Camera {
  const within = Math.max(fitScale(bounds, screen), Math.min(bounds.closest, scale));
  return clamped({x: x - screen.width / within / 2, y: y - screen.height / within / 2, scale: within}, bounds, screen);
}

/** The same middle on a screen of another size; what showed everything still does. */
export function resized(camera: Camera, bounds: Bounds, from: Screen, to: Screen): Camera {
  if (camera.scale <= fitScale(bounds, from) * 1.001) {
    return wholeOf(bounds, to);
  }
  return centred(planePoint(camera, {x: from.width / 2, y: from.height / 2}), camera.scale, bounds, to);
}

/** A step from one camera to another, for those who like to see where they go; at 1 it has arrived. */
export function between(from: Camera, to: Camera, share: number): Camera {
  if (share >= 1) {
    return to;
  }
  const scale = from.scale * (to.scale / from.scale) ** share;
  // Moves with the zoom, so that the point that both have in the same place stays there.
  const part = Math.abs(to.scale / from.scale - 1) < 1e-6 ? share : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
  return {x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part, scale};
}
