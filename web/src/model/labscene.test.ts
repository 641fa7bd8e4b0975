import {describe, expect, it} from 'vitest';
import {grown, traceOf, walked} from '../../test/lab-traces';
import {barOf, columnPath, freedSpans, lanePath, laneRuns, linesOf, newMarks, newRow, oldRow, rangeOf, ticksOf, xOf} from './labscene';
import type {BlockRow} from './labscene';
import {stateAt} from './labstate';
import type {Trace} from './labtrace';

const axis = {clusters: 40, width: 400};
const end = (trace: Trace) => stateAt(trace, trace.length - 1);

function boxes(row: BlockRow) {
  if (row.as !== 'boxes') {
    throw new Error('columns');
  }
  return row.boxes;
}

it('places clusters along the axis', () => {
  expect([xOf(axis, 0), xOf(axis, 10), xOf(axis, 40), xOf(axis, 99), xOf(axis, -1)]).toEqual([0, 100, 400, 400, 0]);
  expect(barOf(axis, {from: 4, to: 8})).toEqual({x: 40, width: 40});
});

it('keeps what is very small in sight, and inside', () => {
  const far = {clusters: 1e6, width: 400};
  expect(barOf(far, {from: 5, to: 6}).width).toBe(1.5);
  const last = barOf(far, {from: 1e6 - 1, to: 1e6});
  expect(last.x + last.width).toBe(400);
});

describe('refblocks', () => {
  it('stand over the clusters that they count, and point to where they lie', () => {
    const old = boxes(oldRow(walked, stateAt(walked, -1), axis));
    expect(old).toEqual([
      {block: 0, look: 'old', x: 0, width: 80, home: 25, open: false},
      {block: 1, look: 'old', x: 80, width: 80, home: 125, open: false},
    ]);
    const made = boxes(newRow(walked, stateAt(walked, 7), axis));
    expect(made.map(({block, look, x, home}) => [block, look, x, home])).toEqual([
      [0, 'placed', 0, 65],
      [2, 'placed', 80, 75],
    ]);
  });

  it('of the old structure are free in the end, those of the new written', () => {
    expect(boxes(oldRow(walked, end(walked), axis)).map(({look}) => look)).toEqual(['freed', 'freed']);
    expect(boxes(newRow(walked, end(walked), axis)).map(({look}) => look)).toEqual(['written', 'written', 'written']);
    expect(freedSpans(walked, end(walked))).toEqual([{from: 2, to: 3}, {from: 12, to: 13}, {from: 1, to: 2}]);
  });

  it('that are missing are left out, those whose entry leads nowhere have no place', () => {
    const trace = traceOf([], [2, 0, -1]);
    expect(boxes(oldRow(trace, stateAt(trace, -1), axis)).map(({block, look, home}) => [block, look, home])).toEqual([
      [0, 'old', 25],
      [2, 'broken', null],
    ]);
  });

  it('that reach behind the end of the file are cut there', () => {
    const trace = traceOf([{act: 'place-block', walk: 1, block: 9, from: 36, to: 40, at: 5}]);
    const [box] = boxes(newRow(trace, end(trace), {clusters: 38, width: 380}));
    expect(box).toMatchObject({x: 360, width: 20, open: true});
  });

  it('that are too many are columns with the share of them that is so far', () => {
    const steps = Array.from({length: 1000}, (_, i) => ({
      act: i < 250 ? ('write-block' as const) : ('place-block' as const),
      walk: 1,
      block: i,
      from: i * 4,
      to: i * 4 + 4,
      at: i,
    }));
    const trace = traceOf(steps, Array.from({length: 500}, () => 1));
    const wide = {clusters: 4000, width: 400};
    const row = newRow(trace, stateAt(trace, 499), wide);
    if (row.as !== 'columns') {
      throw new Error('boxes');
    }
    const [written, placed] = row.columns.shares;
    expect([written?.look, placed?.look]).toEqual(['written', 'placed']);
    expect([written?.of[0], written?.of[60], placed?.of[60], placed?.of[150]].map((share) => Math.round(share ?? -1))).toEqual([1, 0, 1, 0]);
    expect(columnPath(row.columns, 'written', 40)).toMatch(/^M0 0h2v40h-2z/);
    expect(columnPath(row.columns, 'freed', 40)).toBe('');
    expect(oldRow(trace, stateAt(trace, -1), wide).as).toBe('columns');
    expect(linesOf(row, 3)).toEqual([]);
  });
});

it('draws all lines to clusters, or where they are many only that of the step', () => {
  const blocks = (count: number) => {
    const trace = traceOf(Array.from({length: count}, (_, i) => ({act: 'place-block' as const, walk: 1, block: i, at: i + 1})));
    return newRow(trace, end(trace), {clusters: 40, width: 4000});
  };
  expect(linesOf(blocks(10), 3)).toHaveLength(10);
  expect(linesOf(blocks(100), 3).map(({block}) => block)).toEqual([3]);
});

describe('the lane', () => {
  it('joins cells that look alike', () => {
    // Stored and counted, in thirds; bit 4: they differ, bit 5: the old structure, bit 6: unreadable.
    const runs = laneRuns(Uint8Array.of(0b1111, 0b1111, 0b10_1111, 0b01_1100, 0, 0b100_0101), 10);
    expect(runs.stored).toEqual([
      {from: 0, to: 30, thirds: 3},
      {from: 50, to: 60, thirds: 1},
    ]);
    expect(runs.counted).toEqual([
      {from: 0, to: 40, thirds: 3},
      {from: 50, to: 60, thirds: 1},
    ]);
    expect(runs.differ.map(({from, to}) => [from, to])).toEqual([
      [30, 40],
      [50, 60],
    ]);
    expect(runs.old.map(({from, to}) => [from, to])).toEqual([[20, 30]]);
  });

  it('shows clusters one by one where there is room', () => {
    expect(lanePath(axis, [{from: 2, to: 4}], 10, true)).toBe('M20 0h9v10H20zM30 0h9v10H30z');
    expect(lanePath(axis, [{from: 2, to: 4}], 10, false)).toBe('M20 0h20v10H20z');
    expect(lanePath({clusters: 400, width: 400}, [{from: 2, to: 4}], 10, true)).toBe('M2 0h2v10H2z');
  });

  it('marks where the new structure lies', () => {
    expect(newMarks(walked, end(walked), axis)).toEqual([
      {from: 6, to: 7},
      {from: 14, to: 15},
      {from: 7, to: 8},
      {from: 13, to: 14},
    ]);
    const many = traceOf(Array.from({length: 1000}, (_, i) => ({act: 'place-block' as const, walk: 1, block: i, at: 20 + (i % 3)})));
    expect(newMarks(many, end(many), {clusters: 400, width: 400}).map(({from}) => from)).toEqual([20, 21, 22]);
  });

  it('has round numbers under it', () => {
    expect(ticksOf({clusters: 201, width: 1000})).toEqual([0, 20, 40, 60, 80, 100, 120, 140, 160, 180]);
    expect(ticksOf({clusters: 3, width: 1000})).toEqual([0, 1, 2]);
    expect(ticksOf({clusters: 1e6, width: 200})).toEqual([0, 500_000]);
  });
});

it('a step is about a range, unless it is about all of them', () => {
  expect(rangeOf(null, walked)).toBeNull();
  expect(rangeOf(walked.step(0), walked)).toBeNull();
  expect(rangeOf(walked.step(2), walked)).toEqual({from: 0, to: 4});
  expect(rangeOf({...grown.step(0), from: 40, to: 1000}, walked)).toBeNull();
});
