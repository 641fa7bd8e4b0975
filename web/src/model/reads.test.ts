import {expect, it} from 'vitest';
import {joinRuns, requestLength} from './reads';
import type {Wanted} from './reads';

const limits = {gap: 10, run: 100, runs: 3, bytes: 150};
const want = (offset: number, length: number): Wanted => ({offset, length, pointer: offset * 2});
const spans = (runs: {start: number; end: number}[]) => runs.map(({start, end}) => [start, end]);

it('joins neighbours over small gaps, whatever their order', () => {
  const runs = joinRuns([want(40, 10), want(0, 20), want(25, 10), want(90, 5)], 1000, limits);
  expect(spans(runs)).toEqual([
    [0, 50],
    [90, 95],
  ]);
  expect(runs[0]?.wanted.map((range) => range.offset)).toEqual([0, 25, 40]);
});

it('keeps the longer end when one range lies in another', () => {
  expect(spans(joinRuns([want(0, 50), want(10, 5)], 1000, limits))).toEqual([[0, 50]]);
});

it('does not make runs longer than the limit, but reads a longer range whole', () => {
  expect(spans(joinRuns([want(0, 60), want(60, 60)], 1000, limits))).toEqual([
    [0, 60],
    [60, 120],
  ]);
  expect(spans(joinRuns([want(0, 500)], 1000, limits))).toEqual([[0, 500]]);
});

it('reads nothing past the end of the file', () => {
  expect(spans(joinRuns([want(90, 20), want(100, 5), want(2 ** 41, 8)], 100, limits))).toEqual([[90, 100]]);
  expect(joinRuns([want(0, 8)], 0, limits)).toEqual([]);
});

it('puts runs into one request up to a number and up to a size', () => {
  const small = joinRuns([0, 100, 200, 300, 400].map((at) => want(at, 30)), 1000, limits);
  expect(requestLength(small, limits)).toBe(3);
  expect(requestLength(small.slice(3), limits)).toBe(2);
  const large = joinRuns([want(0, 90), want(200, 90), want(400, 500)], 1000, limits);
  expect(requestLength(large, limits)).toBe(1);
  expect(requestLength(large.slice(2), limits)).toBe(1);
  expect(requestLength([], limits)).toBe(0);
});
