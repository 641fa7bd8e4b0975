import {describe, expect, test} from 'vitest';
import type {CrashFlight, CrashSide} from '../protocol/protocol.gen';
import {crashRequest, firstChoice, followed} from './crashchoice';
import {Judged, landedText, sampleText, stateText} from './crash';
import {cellAt, cellPaths, crashLayout, outcomePath, stateAtPlace} from './crashlayout';
import {CrashOutcomes} from '../protocol/protocol.gen';

const flight: CrashFlight = {kind: 'in-place', writes: 2, sectors: 8, bytes: 4096, first: 0, end: 40, all: false};
const side: CrashSide = {name: 'in-place', unsafe: [], flights: [flight, {...flight, kind: 'header', writes: 1, sectors: 1, first: 40, end: 41, all: true}], states: 43};

/** The core's answer: a verdict for each state. */
function verdicts(states: number[], outcome: (state: number) => number): Float64Array {
  return Float64Array.from(states.flatMap((state) => [0, state, state % 2, outcome(state), 3]));
}

describe('what was judged', () => {
  test('is counted and found by state, in whatever order it came', () => {
    let judged = Judged.none(43);
    while (!judged.done) {
      const before = judged.known;
      judged = judged.with(verdicts(judged.next(7), (state) => (state % 10 === 3 ? 3 : 2)));
      expect(judged.known).toBeGreaterThan(before);
    }
    expect([judged.broken, judged.counts.worse, judged.counts.between]).toEqual([4, 4, 39]);
    for (let state = 0; state < 43; state++) {
      expect(judged.state(state)).toEqual({flight: 0, landed: state, torn: state % 2, outcome: state % 10 === 3 ? 'worse' : 'between', leaks: 3});
    }
    expect([judged.nextBroken(-1, 1), judged.nextBroken(3, 1), judged.nextBroken(13, -1), judged.nextBroken(33, 1), judged.nextBroken(43, 1)]).toEqual([3, 13, 3, null, null]);
  });

  test('early on is spread over all, and nothing is asked for twice', () => {
    for (const states of [1, 2, 3, 10, 200, 5000]) {
      const all = Judged.none(states).next(states);
      expect(new Set(all).size).toBe(states);
    }
    const early = Judged.none(1000).next(20).sort((a, b) => a - b);
    const gaps = early.slice(1).map((state, i) => state - (early[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(150);
  });

  test('may be less than was asked for', () => {
    const none = Judged.none(10);
    const one = none.with(verdicts(none.next(5).slice(0, 1), () => 0));
    expect([none.known, one.known, one.done, one.state(none.next(1)[0] ?? -1)?.outcome]).toEqual([0, 1, false, 'old']);
  });
});

test('a crash point is told in words', () => {
  const judged = Judged.none(43);
  expect(stateText(side, 42, judged)).toBe('Crash point 43 of 43: everything has landed');
  expect(stateText(side, 40, judged)).toBe('Crash point 41 of 43, in flight 2');
  const known = judged.with(verdicts(judged.next(43), () => 3));
  expect(stateText(side, 5, known)).toBe('Crash point 6 of 43, in flight 1: 5 of 8 sectors landed, 1 write torn');
  expect(landedText({landed: 0, torn: 0}, flight)).toBe('nothing of it has landed');
  expect(sampleText(flight)).toBe('a sample of 40 crash points, there can be 255');
  expect(sampleText({...flight, sectors: 400})).toBe('a sample of 40 crash points, there can be more than 10¹²⁰');
  expect(sampleText({...flight, first: 40, end: 41, all: true})).toBe('the one crash point there can be');
});

describe('the picture', () => {
  test.each([
    [1200, 43],
    [330, 43],
    [330, 5001],
    [1200, 5001],
    [200, 100_001],
  ])('of %i pixels has a place for each of %i crash points, which leads back to it', (width, states) => {
    const flights = [{...flight, end: states - 3}, {...flight, first: states - 3, end: states - 2}];
    const layout = crashLayout(flights, states, width);
    const last = layout.boxes.at(-1);
    expect((last?.x ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(width + 1);
    for (let state = 0; state < states; state += Math.ceil(states / 500)) {
      const {x, y} = cellAt(layout, state);
      expect(stateAtPlace(layout, x + layout.cell / 2, y + layout.cell / 2)).toBe(state);
      expect(y + layout.cell).toBeLessThanOrEqual(layout.height);
    }
    expect(stateAtPlace(layout, -5, 5)).toBeNull();
    expect(stateAtPlace(layout, 5, layout.height + 5)).toBeNull();
  });

  test('time goes from left to right', () => {
    const layout = crashLayout(side.flights, side.states, 800);
    const [first, second, done] = layout.boxes.map(({x}) => x);
    expect(first).toBe(0);
    expect(second).toBeGreaterThan(0);
    expect(done).toBeGreaterThan(second ?? 0);
    expect(cellAt(layout, 39).x).toBeGreaterThan(cellAt(layout, 0).x);
  });

  test('shows each outcome in a shape of its own, and what is not known yet', () => {
    const shapes = CrashOutcomes.map((outcome) => outcomePath(outcome, 0, 0, 16));
    expect(new Set(shapes).size).toBe(CrashOutcomes.length);
    const judged = Judged.none(43).with(verdicts(Judged.none(43).next(10), () => 5));
    const paths = cellPaths(crashLayout(side.flights, side.states, 800), judged);
    expect(paths['does-not-open'].split('M').length - 1).toBe(10);
    expect(paths.unknown.split('M').length - 1).toBe(33);
    expect(paths.old).toBe('');
  });
});

describe('what is interrupted', () => {
  test('is first a repair if one would help, else a write where the disk has data', () => {
    expect(firstChoice(true, 16, '0x0')).toMatchObject({kind: 'repair', repair: {scope: 'all'}, bits: 64});
    expect(firstChoice(false, 64, '0xa1000')).toMatchObject({kind: 'write', offset: '0xa1000', bits: 16});
  });

  test('is the repair that is planned, redirected or not', () => {
    const choice = firstChoice(true, 16, '0x0');
    const plan = {...choice.repair, scope: 'rebuild', redirect: true};
    expect(followed(choice, plan).repair).toEqual({...plan, redirect: false});
    expect(followed(choice, null)).toBe(choice);
  });

  test('is asked for only if the range of a write is one', () => {
    const choice = firstChoice(false, 16, '0x1000');
    expect(crashRequest(choice)).toMatchObject({kind: 'write', write: {offset: 4096, length: 8192, kind: 'write'}, flushes: 'qemu', states: 200, seed: 1});
    for (const wrong of [{offset: 'there'}, {offset: '-1'}, {length: ''}, {length: '0'}]) {
      expect(crashRequest({...choice, ...wrong})).toBeNull();
    }
    expect(crashRequest({...choice, offset: '2 MiB', length: '0x200'})).toMatchObject({write: {offset: 2 << 20, length: 512}});
    expect(crashRequest({...choice, kind: 'width', offset: 'there'})).not.toBeNull();
  });
});
