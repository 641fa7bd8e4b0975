import {describe, expect, it} from 'vitest';
import {grown, traceOf, walked} from '../../test/lab-traces';
import {focusOf, isCarried, NONE, PLACED, stateAt, WRITTEN} from './labstate';
import type {Trace} from './labtrace';

const at = (trace: Trace, act: string, nth = 1) => {
  for (let i = 0; i < trace.length; i++) {
    if (trace.act(i) === act && --nth === 0) {
      return stateAt(trace, i);
    }
  }
  throw new Error(`no such ${act}`);
};

it('begins with the old structure in force and nothing placed', () => {
  expect(stateAt(walked, -1)).toMatchObject({step: -1, placed: 0, written: 0, table: null, switched: false, readTo: null});
});

describe('the walks as QEMU makes them', () => {
  it('place refblocks one by one', () => {
    const first = at(walked, 'end-walk');
    expect([...first.status]).toEqual([PLACED, NONE, PLACED]);
    expect([...first.places]).toEqual([6, 0, 7]);
    expect(first).toMatchObject({placed: 2, walk: 1, readTo: 12, skipped: [{from: 4, to: 8}], table: {at: 13, n: 1, written: false}});
  });

  it('begin anew with what was placed', () => {
    expect(at(walked, 'begin-walk', 2)).toMatchObject({walk: 2, readTo: 0, skipped: [], placed: 2});
    expect(at(walked, 'place-block', 3)).toMatchObject({placed: 3});
  });

  it('give the place of the table back before it gets another', () => {
    expect(at(walked, 'free-table')).toMatchObject({table: null, given: [{at: 13, n: 1}]});
    expect(at(walked, 'place-table', 2).table).toEqual({at: 13, n: 1, written: false});
  });

  it('write what has a place, then switch, then free the old', () => {
    expect([...at(walked, 'write-block', 2).status]).toEqual([WRITTEN, WRITTEN, PLACED]);
    expect(at(walked, 'write-table')).toMatchObject({written: 3, placed: 3, switched: false, table: {written: true}});
    expect(at(walked, 'switch-header')).toMatchObject({switched: true, readTo: null});
    const end = stateAt(walked, walked.length - 1);
    expect([...end.freed]).toEqual([0, 1]);
    expect(end.freedTable).toEqual({at: 1, n: 1});
  });
});

describe('a table that has to grow', () => {
  it('gives everything back, to begin again with room for the longer one', () => {
    expect(at(grown, 'free-table')).toMatchObject({placed: 2, table: null});
    const again = at(grown, 'grow-table');
    expect(again).toMatchObject({placed: 0, tableLength: 2});
    expect([...again.status]).toEqual([NONE, NONE]);
    const end = stateAt(grown, grown.length - 1);
    expect([...end.places].slice(0, 1)).toEqual([45]);
    expect(end).toMatchObject({placed: 1, table: {at: 20, n: 2}, dropped: [{from: 12, to: 16}]});
  });
});

it('the old structure may have to grow on the way', () => {
  const trace = traceOf([
    {act: 'create-old-block', walk: 1, block: 2, at: 16},
    {act: 'grow-old-table', walk: 1, at: 40, n: 2},
  ]);
  const end = stateAt(trace, 1);
  expect(end.created.get(2)).toBe(16);
  expect(end.oldTable).toEqual({at: 40, n: 2});
});

describe('going back', () => {
  it.each([
    ['walked', walked],
    ['grown', grown],
  ])('%s: any step is the same from any other', (_, trace) => {
    for (let from = -1; from < trace.length; from++) {
      for (let to = -1; to < trace.length; to++) {
        expect(stateAt(trace, to, stateAt(trace, from))).toEqual(stateAt(trace, to));
      }
    }
  });

  it('of a long trace finds all of it again', () => {
    const steps = Array.from({length: 100_000}, (_, i) => ({act: 'place-block' as const, walk: 1, block: i, from: i * 4, to: i * 4 + 4, at: i}));
    expect(stateAt(traceOf(steps), 99_999, stateAt(traceOf(steps), 100_000)).placed).toBe(100_000);
  });
});

it('looks where the step takes place', () => {
  const focus = (step: Parameters<typeof walked.step>[0]) => focusOf(walked.step(step), 4);
  expect([focus(0), focus(2), focus(3), focus(7)]).toEqual([0, 6, 4, null]);
});

it('a refcount is carried over when its refblock is written', () => {
  expect(isCarried(at(walked, 'write-block'), walked, 3)).toBe(true);
  expect(isCarried(at(walked, 'write-block'), walked, 4)).toBe(false);
  expect(isCarried(at(walked, 'write-table'), walked, 39)).toBe(false);
});
