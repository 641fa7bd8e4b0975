import {expect, it} from 'vitest';
import {failure, ok} from '../base/result';
import type {Result} from '../base/result';
import type {Problem} from '../protocol/protocol.gen';
import {RowPages, ROWS_A_PAGE} from './rowpages';

const problem: Problem = {kind: 'read', title: 'No.', where: '', advice: '', detail: ''};
const tick = () => new Promise((resolve) => setTimeout(resolve));

function numbers(rows: number) {
  const asked: number[] = [];
  let arrived = 0;
  const read = (from: number, count: number): Promise<Result<readonly number[], Problem>> => {
    asked.push(from);
    return Promise.resolve(ok(Array.from({length: count}, (_, i) => from + i)));
  };
  const pages = new RowPages(rows, read, () => arrived++);
  return {pages, asked, arrivals: () => arrived};
}

it('reads the pages in sight, once', async () => {
  const {pages, asked, arrivals} = numbers(1_000_000);
  expect(pages.get(999_950)).toBeUndefined();
  pages.want(999_890, 999_910);
  await tick();
  expect(asked).toEqual([999_800, 999_900]);
  expect(arrivals()).toBe(2);
  expect([pages.get(999_899), pages.get(999_900)]).toEqual([999_899, 999_900]);
  pages.want(999_890, 999_910);
  await tick();
  expect(asked).toHaveLength(2);
});

it('asks for no row behind the last', async () => {
  const {pages, asked} = numbers(130);
  pages.want(-5, 400);
  await tick();
  expect(asked).toEqual([0, 100]);
  expect([pages.get(129), pages.get(130)]).toEqual([129, undefined]);
});

it('leaves out what was scrolled past', async () => {
  const {pages, asked} = numbers(1_000_000);
  for (let row = 0; row < 900_000; row += 3000) {
    pages.want(row, row + 20);
  }
  await tick();
  await tick();
  expect(asked.length).toBeLessThan(4);
  expect(pages.get(897_000)).toBe(897_000);
});

it('forgets what was looked at long ago', async () => {
  const {pages} = numbers(1_000_000);
  for (let page = 0; page < 60; page++) {
    pages.want(page * ROWS_A_PAGE, page * ROWS_A_PAGE + 1);
    await tick();
  }
  expect(pages.get(0)).toBeUndefined();
  expect(pages.get(5900)).toBe(5900);
});

it('tells why rows could not be read, and reads them again when asked', async () => {
  let fails = true;
  const pages = new RowPages<number>(
    10,
    () => Promise.resolve(fails ? failure(problem) : ok([7])),
    () => undefined,
  );
  pages.want(0, 1);
  await tick();
  expect(pages.problem).toBe(problem);
  fails = false;
  pages.want(0, 1);
  await tick();
  expect([pages.problem, pages.get(0)]).toEqual([null, 7]);
});
