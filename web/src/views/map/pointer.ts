import type {Point} from '../../model/map/plane';
import type {Hit, MapPicture} from '../../render/map/picture';
import {isWhole} from '../../state/viewpoint';
import type {Viewpoint} from '../../state/viewpoint';

/** What a map does at its pointers. */
interface PointerActions {
  hover: (hit: Hit | null) => void;
  pick: (hit: Hit) => void;
}

/** A pointer that moves less far than this has clicked. */
const CLICK_PIXELS = 5;
/** So many pixels of a wheel zoom by a factor of two. */
const WHEEL_DOUBLING = 220;
const LINE_PIXELS = 30;
const DOUBLE_CLICK_ZOOM = 4;

/** Pans, zooms and picks by mouse, pen and fingers; two fingers pinch. */
export function bindPointers(frame: HTMLElement, viewpoint: Viewpoint, picture: MapPicture, actions: PointerActions, signal: AbortSignal): void {
  const pointers = new Map<number, Point>();
  let far = false;
  let start: Point = {x: 0, y: 0};
  const at = (event: MouseEvent): Point => {
    const box = frame.getBoundingClientRect();
    return {x: event.clientX - box.left, y: event.clientY - box.top};
  };
  const hover = (point: Point | null) => {
    picture.point(point);
    actions.hover(point === null ? null : picture.hit(point));
  };
  const on = <K extends keyof HTMLElementEventMap>(type: K, listener: (event: HTMLElementEventMap[K]) => void, passive = true) =>
    frame.addEventListener(type, listener, {signal, passive});

  on('pointerdown', (event) => {
    if (event.button !== 0) {
      return;
    }
    pointers.set(event.pointerId, at(event));
    far = pointers.size > 1;
    start = at(event);
  });
  on('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    const now = at(event);
    if (before === undefined) {
      hover(now);
      return;
    }
    if (!far && Math.hypot(now.x - start.x, now.y - start.y) <= CLICK_PIXELS) {
      return;
    }
    far = true;
    frame.setPointerCapture(event.pointerId);
    hover(null);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) {
      viewpoint.pan(before.x - now.x, before.y - now.y);
    } else {
      pinch(viewpoint, other, before, now);
    }
    pointers.set(event.pointerId, now);
  });
  on('pointerup', (event) => {
    const hit = picture.hit(at(event));
    if (pointers.delete(event.pointerId) && !far && hit !== null) {
      actions.pick(hit);
    }
  });
  on('pointercancel', (event) => {
    pointers.delete(event.pointerId);
  });
  on('pointerleave', () => hover(null));
  // One finger scrolls the page as long as there is nothing to move on the map.
  const movable = () => frame.classList.toggle('movable', viewpoint.now.value !== null && !isWhole(viewpoint.now.value));
  movable();
  signal.addEventListener('abort', viewpoint.now.subscribe(movable));
  // The browser would scroll or zoom the page by two fingers.
  on('touchstart', (event) => event.touches.length > 1 && event.preventDefault(), false);
  // Onto a mark one comes closer to the very cluster that it stands for.
  const aim = (point: Point): Point => {
    const pin = picture.hit(point)?.pin;
    return (pin === null || pin === undefined ? null : viewpoint.placeOf(pin.cluster)) ?? point;
  };
  on('dblclick', (event) => viewpoint.zoom(DOUBLE_CLICK_ZOOM, aim(at(event))));
  on('wheel', (event) => wheel(frame, viewpoint, event, aim(at(event))), false);
}

/** One of two fingers has moved: what is under both stays under both. */
function pinch(viewpoint: Viewpoint, still: Point, before: Point, now: Point): void {
  const distance = (a: Point) => Math.max(1, Math.hypot(a.x - still.x, a.y - still.y));
  viewpoint.pan((before.x - now.x) / 2, (before.y - now.y) / 2);
  viewpoint.zoom(distance(now) / distance(before), {x: (now.x + still.x) / 2, y: (now.y + still.y) / 2});
}

/**
 * With Ctrl, or once the map has been clicked, the wheel zooms. Else, and where there is no farther to go, it scrolls
 * the page, so that nobody is caught in the map on the way down.
 */
function wheel(frame: HTMLElement, viewpoint: Viewpoint, event: WheelEvent, at: Point): void {
  const now = viewpoint.now.value;
  const wanted = event.ctrlKey || event.metaKey;
  if (now === null || (!wanted && !frame.contains(document.activeElement))) {
    return;
  }
  const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE_PIXELS : event.deltaY;
  if (wanted || pixels < 0 || !isWhole(now)) {
    event.preventDefault();
    viewpoint.zoom(2 ** (-pixels / WHEEL_DOUBLING), at);
  }
}
