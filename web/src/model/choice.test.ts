import {expect, it} from 'vitest';
import type {LeaveRule} from '../protocol/protocol.gen';
import {canBeMended, canChooseSingly, choiceOf, isLeft, waysToMend, withGroup, withItem} from './choice';

const leaks = {code: 'leaked-cluster', places: 3};
const other: LeaveRule = {code: 'other', all: true, ids: []};

it('mends everything unless told otherwise', () => {
  expect(choiceOf([], 'leaked-cluster')).toBe('mend');
  expect(isLeft([], 'leaked-cluster', 'a')).toBe(false);
});

it('leaves a group and takes it back', () => {
  const left = withGroup([other], 'leaked-cluster', false);
  expect(choiceOf(left, 'leaked-cluster')).toBe('leave');
  expect(isLeft(left, 'leaked-cluster', 'a')).toBe(true);
  expect(withGroup(left, 'leaked-cluster', true)).toEqual([other]);
});

it('leaves one of a group', () => {
  const left = withItem([other], leaks, 'a', false);
  expect(left).toEqual([other, {code: 'leaked-cluster', all: false, ids: ['a']}]);
  expect(choiceOf(left, 'leaked-cluster')).toBe('some');
  expect([isLeft(left, 'leaked-cluster', 'a'), isLeft(left, 'leaked-cluster', 'b')]).toEqual([true, false]);
  expect(withItem(left, leaks, 'a', true)).toEqual([other]);
});

it('mends one of a group that is left', () => {
  const left = withItem(withGroup([], 'leaked-cluster', false), leaks, 'b', true);
  expect(left).toEqual([{code: 'leaked-cluster', all: true, ids: ['b']}]);
  expect([isLeft(left, 'leaked-cluster', 'a'), isLeft(left, 'leaked-cluster', 'b')]).toEqual([true, false]);
  expect(choiceOf(withItem(left, leaks, 'b', false), 'leaked-cluster')).toBe('leave');
});

it('knows that each one singly is all', () => {
  let leave: LeaveRule[] = [];
  for (const id of ['a', 'b', 'c']) {
    leave = withItem(leave, leaks, id, false);
  }
  expect(leave).toEqual([{code: 'leaked-cluster', all: true, ids: []}]);
  for (const id of ['a', 'b', 'c']) {
    leave = withItem(leave, leaks, id, true);
  }
  expect(leave).toEqual([]);
});

it('does not name all but some of very many', () => {
  const many = {code: 'leaked-cluster', places: 1_000_000};
  expect(canChooseSingly([], many)).toBe(true);
  expect(canChooseSingly(withGroup([], many.code, false), many)).toBe(false);
  expect(canChooseSingly(withGroup([], many.code, false), leaks)).toBe(true);
});

it('says how a group can be mended', () => {
  const ways = [
    {mendable: true, mayMend: true, consent: ''},
    {mendable: false, mayMend: true, consent: ''},
    {mendable: false, mayMend: true, consent: 'x'},
    {mendable: false, mayMend: false, consent: 'x'},
    {mendable: false, mayMend: false, consent: ''},
  ];
  expect(new Set(ways.map(waysToMend)).size).toBe(5);
  expect(ways.map(canBeMended)).toEqual([true, true, true, true, false]);
});
