import {useCallback, useEffect, useRef} from 'preact/hooks';
import {cellAt, cellOf} from '../model/layout';
import {layoutOf, middleCluster, moved, panned, windowOf, zoomed} from '../model/mapview';
import type {MapView, Move} from '../model/mapview';
import {useController} from './app-context';

type SetView = (change: (view: MapView | null) => MapView | null) => void;

/** A pointer that moves less far than this has clicked. */
const CLICK_PIXELS = 4;
/** So much of a wheel is one step of zoom. */
const WHEEL_STEP = 80;

/** Pans and zooms by pointer and wheel, and picks the cell that is clicked. */
export function useMapPointer(
  frame: {current: HTMLDivElement | null},
  view: MapView | null,
  setView: SetView,
  setHovered: (cluster: number | null) => void,
  pick: (cell: number) => void,
): void {
  const current = useRef({view, pick});
  current.current = {view, pick};
  useEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    const ended = new AbortController();
    const options = {signal: ended.signal};
    const cellUnder = (event: PointerEvent | WheelEvent): number | null => {
      const {view: now} = current.current;
      const box = element.getBoundingClientRect();
      return now === null ? null : cellAt(layoutOf(now), windowOf(now), event.clientX - box.left, event.clientY - box.top);
    };
    let drag: {y: number; far: boolean} | null = null;
    element.addEventListener('pointerdown', (event) => (drag = event.button === 0 ? {y: event.clientY, far: false} : null), options);
    element.addEventListener('pointermove', (event) => {
      const cell = cellUnder(event);
      const {view: now} = current.current;
      setHovered(cell === null || now === null ? null : cell * layoutOf(now).perCell);
      if (drag !== null && (drag.far || Math.abs(event.clientY - drag.y) > CLICK_PIXELS)) {
        element.setPointerCapture(event.pointerId);
        const by = event.clientY - drag.y;
        drag = {y: event.clientY, far: true};
        setView((old) => old && panned(old, -by / layoutOf(old).cellHeight));
      }
    }, options);
    element.addEventListener('pointerup', (event) => {
      const cell = cellUnder(event);
      if (drag?.far === false && cell !== null) {
        current.current.pick(cell);
      }
      drag = null;
    }, options);
    element.addEventListener('pointercancel', () => (drag = null), options);
    element.addEventListener('pointerleave', () => setHovered(null), options);
    listenToWheel(element, () => current.current.view, cellUnder, setView, ended.signal);
    return () => ended.abort();
  }, [frame, setView, setHovered]);
}

/** Ctrl and wheel (or a pinch of two fingers) zooms; the wheel alone pans, and scrolls the page where it cannot. */
function listenToWheel(
  element: HTMLElement,
  viewNow: () => MapView | null,
  cellUnder: (event: WheelEvent) => number | null,
  setView: SetView,
  signal: AbortSignal,
): void {
  let turned = 0;
  const wheel = (event: WheelEvent) => {
    const view = viewNow();
    if (view === null) {
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      turned += event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1);
      const steps = Math.trunc(turned / WHEEL_STEP);
      turned -= steps * WHEEL_STEP;
      const cell = cellUnder(event);
      const around = cell === null ? middleCluster(view) : cell * layoutOf(view).perCell;
      setView((old) => old && (steps === 0 ? old : zoomed(old, steps, around)));
      return;
    }
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 30 : event.deltaY;
    const next = panned(view, pixels / layoutOf(view).cellHeight);
    if (next.top !== view.top) {
      event.preventDefault();
      setView((old) => old && panned(old, pixels / layoutOf(old).cellHeight));
    }
  };
  element.addEventListener('wheel', wheel, {passive: false, signal});
}

const MOVES: Record<string, Move> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  PageUp: 'page-up',
  PageDown: 'page-down',
  Home: 'row-start',
  End: 'row-end',
};

/** Everything that pointer and wheel do, by keys. */
export function useMapKeys(view: MapView | null, setView: SetView, pick: (cell: number) => void) {
  const controller = useController();
  return useCallback(
    (event: KeyboardEvent) => {
      if (view === null || event.altKey || event.metaKey) {
        return;
      }
      const done = (change: (old: MapView) => MapView) => {
        event.preventDefault();
        setView((old) => old && change(old));
      };
      const move = event.ctrlKey && event.key === 'Home' ? 'start' : event.ctrlKey && event.key === 'End' ? 'end' : MOVES[event.key];
      const around = view.cursor ?? middleCluster(view);
      if (move !== undefined) {
        done((old) => moved(old, move));
      } else if (event.key === '+' || event.key === '=') {
        done((old) => zoomed(old, -1, around));
      } else if (event.key === '-') {
        done((old) => zoomed(old, 1, around));
      } else if (event.key === '0') {
        done((old) => zoomed(old, Infinity, around));
      } else if (event.key === 'Enter' && view.cursor !== null) {
        event.preventDefault();
        pick(cellOf(layoutOf(view), view.cursor));
      } else if (event.key === 'Escape') {
        controller.change({selected: null});
        done((old) => ({...old, cursor: null}));
      }
    },
    [controller, view, setView, pick],
  );
}

