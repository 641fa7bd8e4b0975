import {describe, expect, it} from 'vitest';
import {traceOf, walked} from '../../test/lab-traces';
import {Clock, stageFrom} from './labclock';
import {windowAround, roomFor} from './labcloseup';
import {abridgedText, stageLabel} from './labstages';

const long = traceOf(Array.from({length: 100_000}, (_, i) => ({act: i === 99_000 ? ('switch-header' as const) : ('write-block' as const), block: i})));

describe('playing', () => {
  it('goes on step by step', () => {
    const clock = new Clock(walked);
    let position = {step: -1, since: 0};
    const seen: number[] = [];
    for (let i = 0; i < 10_000 && position.step < walked.length - 1; i++) {
      position = clock.after(position, 0.05);
      seen.push(position.step);
    }
    expect([...new Set(seen)]).toEqual(Array.from({length: walked.length + 1}, (_, i) => i - 1));
    expect(clock.after(position, 10)).toEqual({step: walked.length - 1, since: 0});
  });

  it('of a long trace takes no longer than half a minute, and still rests at the switch', () => {
    const clock = new Clock(long);
    let seconds = 0;
    for (let i = 0; i < long.length; i++) {
      seconds += clock.seconds(i);
    }
    expect(seconds).toBeLessThan(30);
    expect(clock.seconds(99_000)).toBeGreaterThan(1);
    expect(clock.after({step: -1, since: 0}, 12).step).toBeGreaterThan(40_000);
  });
});

it('goes from stage to stage', () => {
  expect(stageFrom(walked, -1, 1)).toBe(0);
  expect(stageFrom(walked, 3, 1)).toBe(8);
  expect(stageFrom(walked, 10, -1)).toBe(8);
  expect(stageFrom(walked, 8, -1)).toBe(0);
  expect(stageFrom(walked, 0, -1)).toBe(-1);
  expect(stageFrom(walked, walked.length - 1, 1)).toBe(walked.length - 1);
});

describe('the close-up', () => {
  it('stays where it is while the step is well inside', () => {
    const first = windowAround(50, 20, 200, null);
    expect(first).toEqual({first: 40, count: 20});
    expect(windowAround(55, 20, 200, first)).toEqual(first);
    expect(windowAround(59, 20, 200, first)).toEqual({first: 49, count: 20});
    expect(windowAround(null, 20, 200, first)).toEqual(first);
  });

  it('ends at the ends of the file', () => {
    expect(windowAround(0, 20, 200, null)).toEqual({first: 0, count: 20});
    expect(windowAround(199, 20, 200, null)).toEqual({first: 180, count: 20});
    expect(windowAround(3, 20, 6, null)).toEqual({first: 0, count: 6});
  });

  it('has less room for longer numbers', () => {
    expect(roomFor(1000, 100)).toBeGreaterThan(roomFor(1000, 10_000_000));
    expect(roomFor(10, 100)).toBe(4);
  });
});

it('names the stages', () => {
  const stage = {name: 'walk', walk: 2, first: 0, kept: 1, steps: 1, placed: 1};
  expect(stageLabel(stage, 3)).toEqual({name: 'Walk 2', note: '1 refblock placed'});
  expect(stageLabel({...stage, walk: 3, placed: 0}, 3)).toEqual({name: 'Walk 3', note: 'nothing more'});
  expect(stageLabel({...stage, walk: 1, placed: 4}, 1)).toEqual({name: 'Place', note: '4 refblocks placed'});
});

it('says when not all steps are there', () => {
  expect(abridgedText(45, 45)).toBeNull();
  expect(abridgedText(3_000_000, 9_000)).toContain('3,000,000 steps');
});
