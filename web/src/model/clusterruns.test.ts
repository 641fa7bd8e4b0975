import {expect, it} from 'vitest';
import {packCell, PAST_END} from './cells';
import {readRuns} from './clusterruns';

const data = packCell('data', 'none');
const bad = packCell('data', 'damage');
const leak = packCell('leaked', 'waste');
const free = packCell('free', 'none');

function reader(cells: number[]) {
  return (first: number, count: number) => Promise.resolve(Uint8Array.from(cells.slice(first, first + count)));
}

const file = [data, data, bad, leak, leak, leak, free, data];

it('joins what is alike', async () => {
  const page = await readRuns(reader(file), file.length, 0, 'all', 100);
  expect(page.next).toBeNull();
  expect(page.runs).toEqual([
    {first: 0, clusters: 2, owner: 'data', severity: 'none'},
    {first: 2, clusters: 1, owner: 'data', severity: 'damage'},
    {first: 3, clusters: 3, owner: 'leaked', severity: 'waste'},
    {first: 6, clusters: 1, owner: 'free', severity: 'none'},
    {first: 7, clusters: 1, owner: 'data', severity: 'none'},
  ]);
});

it('goes on where a page ended', async () => {
  const first = await readRuns(reader(file), file.length, 0, 'all', 2);
  expect(first.runs.map((run) => run.first)).toEqual([0, 2]);
  const second = await readRuns(reader(file), file.length, first.next ?? -1, 'all', 2);
  expect(second.runs.map((run) => run.first)).toEqual([3, 6]);
});

it('shows only trouble, or only one owner', async () => {
  const trouble = await readRuns(reader(file), file.length, 0, 'trouble', 100);
  expect(trouble.runs.map((run) => run.first)).toEqual([2, 3]);
  const owned = await readRuns(reader(file), file.length, 0, 'data', 100);
  expect(owned.runs.map((run) => run.first)).toEqual([0, 2, 7]);
});

it('joins a run over the borders of what it reads at once', async () => {
  const long = new Uint8Array(600_000).fill(free);
  long[599_999] = bad;
  const page = await readRuns((first, count) => Promise.resolve(long.slice(first, first + count)), long.length, 0, 'all', 9);
  expect(page.runs.map((run) => [run.first, run.clusters])).toEqual([
    [0, 599_999],
    [599_999, 1],
  ]);
});

it('ends where the file ends', async () => {
  const page = await readRuns(reader([data, PAST_END, PAST_END]), 3, 0, 'all', 9);
  expect(page).toEqual({runs: [{first: 0, clusters: 1, owner: 'data', severity: 'none'}], next: null});
});
