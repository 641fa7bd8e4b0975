import {expect, it} from 'vitest';
import {Marks} from './marks';
import {SEVERITIES} from './severity';

const at = (x: number, y: number) => ({x, y, width: 4, height: 4});
const [note, waste, damage, danger] = (['note', 'waste', 'damage', 'danger'] as const).map((s) => SEVERITIES.indexOf(s)) as [
  number,
  number,
  number,
  number,
];

it('lets the worst stand for all that are close', () => {
  const marks = new Marks();
  marks.add(at(100, 100), waste);
  marks.add(at(104, 100), danger);
  marks.add(at(100, 104), damage);
  expect(marks.sorted()).toEqual([{x: 106, y: 102, rank: danger}]);
});

it('keeps a single one anywhere', () => {
  const marks = new Marks();
  marks.add(at(0, 0), damage);
  marks.add(at(700, 500), damage);
  expect(marks.sorted()).toHaveLength(2);
});

it('draws the worst last and marks no notes', () => {
  const marks = new Marks();
  marks.add(at(0, 0), danger);
  marks.add(at(200, 0), waste);
  marks.add(at(400, 0), note);
  expect(marks.sorted().map((mark) => mark.rank)).toEqual([waste, danger]);
});

it('never puts two marks into one place, however many are added', () => {
  const marks = new Marks();
  for (let i = 0; i < 20000; i++) {
    marks.add(at((i % 128) * 4, Math.floor(i / 128) * 4), waste);
  }
  expect(marks.sorted().length).toBeLessThan((512 / 14 + 2) * (630 / 14 + 2));
});
