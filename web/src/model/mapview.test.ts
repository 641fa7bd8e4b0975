import {describe, expect, it} from 'vitest';
import {cellOf, cellRect} from './layout';
import {
  centred,
  layoutOf,
  middleCluster,
  moved,
  panned,
  resized,
  wholeMap,
  windowOf,
  withCursor,
  zoomed,
  zoomRange,
} from './mapview';
import type {MapView} from './mapview';

const whole = wholeMap(2 ** 20, 760, 520);

function onScreen(view: MapView, cluster: number): boolean {
  const {y, height} = cellRect(layoutOf(view), windowOf(view), cellOf(layoutOf(view), cluster));
  return y >= -0.01 && y + height <= view.height + 0.01;
}

describe('zoom', () => {
  it('goes from the whole file to the largest cells and back', () => {
    let view = whole;
    const steps = zoomRange(view).farthest - zoomRange(view).closest;
    for (let i = 0; i < steps; i++) {
      const closer = zoomed(view, -1, 700_000);
      expect(closer.rowBits).toBe(view.rowBits - 1);
      expect(onScreen(closer, 700_000)).toBe(true);
      view = closer;
    }
    expect(layoutOf(view).perCell).toBe(1);
    expect(layoutOf(view).cellWidth).toBeGreaterThanOrEqual(30);
    expect(zoomed(view, -1, 700_000)).toEqual(view);
    expect(zoomed(view, 100, 700_000).rowBits).toBe(whole.rowBits);
  });

  it('has nothing to do for a small image', () => {
    const {closest, farthest} = zoomRange(wholeMap(20, 760, 520));
    expect(closest).toBe(farthest);
  });

  it('comes back to the very cluster', () => {
    const close = withCursor(zoomed(whole, -100, 0), 1001);
    const again = zoomed(zoomed(close, 100, 1001), -100, 1001);
    expect(again.cursor).toBe(1001);
    expect(onScreen(again, 1001)).toBe(true);
  });
});

describe('pan', () => {
  it('stops at both ends', () => {
    const view = zoomed(whole, -4, 0);
    expect(panned(view, -10).top).toBe(0);
    const end = panned(view, 1e9);
    expect(onScreen(end, 2 ** 20 - 1)).toBe(true);
    expect(panned(end, 1).top).toBe(end.top);
  });
});

describe('the cursor', () => {
  const close = zoomed(whole, -5, 500_000);

  it('first comes to where the screen begins', () => {
    const view = moved(close, 'right');
    const {y} = cellRect(layoutOf(view), windowOf(view), cellOf(layoutOf(view), view.cursor ?? -1));
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThan(3 * layoutOf(view).cellHeight);
  });

  it('moves by cells and rows and stays on screen', () => {
    const {columns, perCell} = layoutOf(close);
    const at = withCursor(close, 500 * columns * perCell);
    const cell = (view: MapView) => cellOf(layoutOf(view), view.cursor ?? -1) - 500 * columns;
    expect(cell(moved(at, 'right'))).toBe(1);
    expect(cell(moved(at, 'left'))).toBe(-1);
    expect(cell(moved(at, 'down'))).toBe(columns);
    expect(cell(moved(at, 'up'))).toBe(-columns);
    expect(cell(moved(moved(at, 'right'), 'row-end'))).toBe(columns - 1);
    expect(cell(moved(moved(at, 'right'), 'row-start'))).toBe(0);
    for (const move of ['page-down', 'page-up', 'start', 'end', 'down', 'left'] as const) {
      const view = moved(at, move);
      expect(onScreen(view, view.cursor ?? -1), move).toBe(true);
    }
  });

  it('stays in the file', () => {
    expect(moved(withCursor(close, 0), 'left').cursor).toBe(0);
    expect(moved(withCursor(close, 3), 'up').cursor).toBe(0);
    const last = moved(withCursor(close, 0), 'end');
    expect(moved(last, 'right').cursor).toBe(last.cursor);
    expect(moved(last, 'page-down').cursor).toBe(last.cursor);
  });
});

describe('another screen size', () => {
  it('still shows all of the file if it did', () => {
    const narrow = resized(whole, 300, 400);
    expect(zoomRange(narrow).farthest).toBe(narrow.rowBits);
    expect(layoutOf(narrow).rows * layoutOf(narrow).cellHeight).toBeLessThanOrEqual(400);
  });

  it('keeps the middle in the middle', () => {
    const view = centred(zoomed(whole, -5, 0), 600_000);
    const narrow = resized(view, 500, 300);
    expect(onScreen(narrow, middleCluster(view))).toBe(true);
    expect(narrow.rowBits).toBe(view.rowBits);
  });
});
