import {describe, expect, it} from 'vitest';
import {
  cellAt,
  cellOf,
  cellRect,
  clampTop,
  fittingBits,
  layoutAt,
  mapHeight,
  reveal,
  visibleRows,
  zoomAround,
} from './layout';

const WIDTH = 760;
const HEIGHT = 520;

describe('the fitting zoom', () => {
  it.each([1, 7, 8, 9, 100, 5000, 65536, 2 ** 20, 2 ** 24])('shows all of %d clusters', (clusters) => {
    const layout = layoutAt(clusters, WIDTH, fittingBits(clusters, WIDTH, HEIGHT));
    expect(mapHeight(layout)).toBeLessThanOrEqual(HEIGHT);
    expect(layout.cells * layout.perCell).toBeGreaterThanOrEqual(clusters);
    expect(Number.isInteger(Math.log2(layout.columns))).toBe(true);
    expect(layout.columns * layout.cellWidth).toBeLessThanOrEqual(WIDTH);
  });

  it('gives a small image large cells, in rows as long as there is room for', () => {
    const layout = layoutAt(20, WIDTH, fittingBits(20, WIDTH, HEIGHT));
    expect(layout).toMatchObject({columns: 16, perCell: 1, rows: 2, cellWidth: 44});
  });

  it('lets a cell of 2^24 clusters stand for few of them', () => {
    const layout = layoutAt(2 ** 24, WIDTH, fittingBits(2 ** 24, WIDTH, HEIGHT));
    expect(layout.perCell).toBeLessThanOrEqual(2048);
    expect(layout.columns).toBe(128);
  });

  it('works on a narrow screen', () => {
    const layout = layoutAt(5000, 280, fittingBits(5000, 280, 300));
    expect(layout.columns).toBe(64);
    expect(mapHeight(layout)).toBeLessThanOrEqual(300);
  });
});

describe('a row', () => {
  it('is a power of two of clusters at every zoom', () => {
    for (let bits = 3; bits < 24; bits++) {
      const layout = layoutAt(2 ** 24, WIDTH, bits);
      expect(layout.columns * layout.perCell).toBe(2 ** bits);
    }
  });
});

describe('hit test', () => {
  it('finds every cell where it is drawn', () => {
    const layout = layoutAt(1000, WIDTH, 6);
    const window = {top: 2.5, height: 200};
    for (let cell = 0; cell < layout.cells; cell++) {
      const rect = cellRect(layout, window, cell);
      const hit = cellAt(layout, window, rect.x + rect.width / 2, rect.y + rect.height / 2);
      expect(hit).toBe(cell);
    }
  });

  it('finds nothing beside the cells and after the last', () => {
    const layout = layoutAt(1000, WIDTH, 6);
    const window = {top: 0, height: 1e6};
    expect(cellAt(layout, window, layout.columns * layout.cellWidth + 1, 0)).toBeNull();
    expect(cellAt(layout, window, -1, 0)).toBeNull();
    const last = cellRect(layout, window, 999);
    expect(cellAt(layout, window, last.x + last.width * 1.5, last.y + 1)).toBeNull();
    expect(cellAt(layout, window, 1, last.y + last.height + 1)).toBeNull();
  });
});

describe('the window', () => {
  const layout = layoutAt(2 ** 16, WIDTH, 7);

  it('stays on the map', () => {
    expect(clampTop(layout, {top: -5, height: 300})).toBe(0);
    expect(clampTop(layout, {top: 1e9, height: 300})).toBe(layout.rows - 300 / layout.cellHeight);
    expect(clampTop(layoutAt(8, WIDTH, 3), {top: 3, height: 300})).toBe(0);
  });

  it('shows the rows that it covers', () => {
    expect(visibleRows(layout, {top: 1.5, height: layout.cellHeight * 2})).toEqual({from: 1, to: 4});
    expect(visibleRows(layout, {top: layout.rows - 1, height: 1e6}).to).toBe(layout.rows);
  });

  it('keeps the cluster under the pointer through a zoom', () => {
    const cluster = 40000;
    const window = {top: 300, height: 300};
    const closer = layoutAt(layout.clusters, WIDTH, 6);
    const zoomed = zoomAround(layout, closer, window, cluster);
    const before = cellRect(layout, window, cellOf(layout, cluster));
    const after = cellRect(closer, zoomed, cellOf(closer, cluster));
    expect(after.y + after.height / 2).toBeCloseTo(before.y + before.height / 2);
  });

  it.each([0, 77, 40000, 65535])('moves to show cluster %d', (cluster) => {
    const window = reveal(layout, {top: 200, height: 100}, cluster);
    const rect = cellRect(layout, window, cellOf(layout, cluster));
    expect(rect.y).toBeGreaterThanOrEqual(0);
    expect(rect.y + rect.height).toBeLessThanOrEqual(100);
  });

  it('does not move for what it shows already', () => {
    const window = {top: 200, height: 100};
    expect(reveal(layout, window, 205 * 128)).toEqual(window);
  });
});
