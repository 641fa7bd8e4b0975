import {expect, it} from 'vitest';
import {grown, traceOf, walked} from '../../test/lab-traces';
import {LabActs} from '../protocol/protocol.gen';
import {ACT_LABELS} from './labtrace';

it('gives the steps back as they were packed', () => {
  expect(walked.step(2)).toEqual({seq: 2, act: 'place-block', walk: 1, block: 0, from: 0, to: 4, at: 6, n: 0});
  expect(walked.act(walked.length - 1)).toBe('free-old-table');
});

it('knows the refblocks that get a place, in order', () => {
  expect(walked.blocks).toEqual([0, 1, 2]);
  expect(walked.indexOf(1)).toBe(1);
  expect(grown.blocks).toEqual([0, 5]);
  expect(grown.indexOf(1)).toBe(-1);
});

it('ends behind everything that gets a place, not behind what is read', () => {
  expect(walked.end).toBe(40);
  expect(grown.end).toBe(46);
  expect(traceOf([{act: 'skip-empty', from: 40, to: 1e6}]).end).toBe(40);
  expect(traceOf([{act: 'place-table', at: 60, n: 5}]).end).toBe(65);
});

it('finds the stage of a step', () => {
  expect(walked.stageAt(-1)).toBeNull();
  expect(walked.stageAt(9)).toMatchObject({name: 'walk', walk: 2});
  expect(walked.stageAt(walked.length - 1)).toMatchObject({name: 'free'});
});

it('has words for every act', () => {
  for (const act of LabActs) {
    expect(ACT_LABELS[act].length).toBeGreaterThan(3);
  }
});
