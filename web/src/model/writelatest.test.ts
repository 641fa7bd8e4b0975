import {expect, it} from 'vitest';
import {Latest} from './writelatest';

/** Questions are numbers; each is answered when the test says so. */
function asked() {
  const open: {question: number; answer: () => void}[] = [];
  const told: number[] = [];
  const latest = new Latest<number, number>(
    (question) => new Promise((resolve) => open.push({question, answer: () => resolve(-question)})),
    (question, answer) => told.push(question, answer),
  );
  const answer = async () => {
    open.shift()?.answer();
    await Promise.resolve();
    await Promise.resolve();
  };
  return {latest, told, answer, open: () => open.map(({question}) => question)};
}

it('asks one at a time, and only the last of those that came meanwhile', async () => {
  const {latest, told, answer, open} = asked();
  for (const question of [1, 2, 3, 4]) {
    latest.want(question);
  }
  expect(open()).toEqual([1]);
  await answer();
  expect(told).toEqual([1, -1]);
  expect(open()).toEqual([4]);
  await answer();
  expect(told).toEqual([1, -1, 4, -4]);
  expect(open()).toEqual([]);
  latest.want(5);
  expect(open()).toEqual([5]);
});

it('tells nothing once it is stopped', async () => {
  const {latest, told, answer, open} = asked();
  latest.want(1);
  latest.want(2);
  latest.stop();
  await answer();
  expect(told).toEqual([]);
  expect(open()).toEqual([]);
});
