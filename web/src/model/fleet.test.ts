import {expect, it} from 'vitest';
import {countsOf, listed, signOf, standingOf, trendOf, WORST_FIRST} from './fleet';
import type {FleetImage, Point} from './fleet';

const point = (exit: number, corruptions = 0, leaks = 0, day = 1): Point => ({
  checked: `2026-01-0${day}T00:00:00Z`,
  'exit-code': exit,
  corruptions,
  leaks,
  'file-size': 1,
});

function image(key: string, last?: Point, history: Point[] = [], verdict = 'clean'): FleetImage {
  const base = {key, 'file-size': key.length, etag: 'e', uploaded: '', current: true};
  return last === undefined ? base : {...base, result: {...last, verdict, 'check-errors': 0, history}};
}

const all = [
  image('clean', point(0, 0, 0, 3)),
  image('new'),
  image('leaks', point(3, 0, 5)),
  image('two', point(2, 2)),
  image('nine', point(2, 9)),
  image('text', point(63)),
  image('torn', point(1)),
];

it('lists the worst first, what was not checked before what is fine', () => {
  expect(listed(all, WORST_FIRST).map(({key}) => key)).toEqual(['nine', 'two', 'torn', 'new', 'text', 'leaks', 'clean']);
  expect(listed(all, {...WORST_FIRST, by: 'image', descending: true})[0]?.key).toBe('two');
  expect(listed(all, {...WORST_FIRST, by: 'checked', descending: true})[0]?.key).toBe('clean');
  expect(listed(all, {...WORST_FIRST, by: 'size'}).map(({key}) => key).slice(0, 2)).toEqual(['new', 'two']);
});

it('filters by text and by class', () => {
  expect(listed(all, {...WORST_FIRST, text: ' EA '}).map(({key}) => key)).toEqual(['leaks', 'clean']);
  expect(listed(all, {...WORST_FIRST, only: ['corrupt', 'unchecked']}).map(({key}) => key)).toEqual(['nine', 'two', 'new']);
  expect([...countsOf(all)]).toEqual([
    ['corrupt', 2],
    ['unreadable', 1],
    ['newer', 0],
    ['unchecked', 1],
    ['other', 1],
    ['leaks', 1],
    ['clean', 1],
  ]);
});

it('shows the sign of a finding that is worse than the exit code says', () => {
  const sly = image('sly', point(0), [], 'danger');
  expect([standingOf(sly), signOf(sly), signOf(image('a', point(0))), signOf(image('b', point(1), [], 'unreadable'))]).toEqual([
    'clean',
    'danger',
    'none',
    'damage',
  ]);
});

it('does not call an image of a newer program damaged', () => {
  const newer = image('newer', point(1), [], 'warning');
  expect([standingOf(newer), signOf(newer)]).toEqual(['newer', 'note']);
  const worse = image('worse', point(1), [], 'damage');
  expect([standingOf(worse), signOf(worse)]).toEqual(['unreadable', 'damage']);
});

it.each([
  [[], 'first'],
  [[point(3, 0, 4)], 'worse'],
  [[point(3, 0, 6)], 'better'],
  [[point(3, 0, 5)], 'same'],
  [[point(2, 1, 0)], 'better'],
  [[point(0)], 'worse'],
  [[point(1)], 'better'],
] as const)('after %j it is %s', (history, trend) => {
  expect(trendOf(image('i', point(3, 0, 5), [...history]))).toBe(trend);
});
