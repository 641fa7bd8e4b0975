import {STEP_NUMBERS, Trace} from '../src/model/labtrace';
import type {LabAct, Step} from '../src/model/labtrace';
import {LabActs} from '../src/protocol/protocol.gen';
import type {LabStage, LabStructure} from '../src/protocol/protocol.gen';

/** Traces for tests of the Lab, as the core gives them. */

function structureOf(bits: number, perRefblock: number): LabStructure {
  return {bits, limit: '1', refblocks: 1, tableClusters: 1, perRefblock};
}

function numbersOf(steps: readonly Partial<Step>[]): Float64Array {
  const numbers = new Float64Array(steps.length * STEP_NUMBERS);
  for (const [i, {seq = i, act = 'recount', walk = 0, block = -1, from = 0, to = 0, at = 0, n = 0}] of steps.entries()) {
    numbers.set([seq, LabActs.indexOf(act), walk, block, from, to, at, n], i * STEP_NUMBERS);
  }
  return numbers;
}

/** One stage for each run of steps with the same name. */
function stagesOf(steps: readonly Partial<Step>[]): LabStage[] {
  const stages: LabStage[] = [];
  for (const [i, {act = 'recount', walk = 0}] of steps.entries()) {
    const name = act === 'switch-header' ? 'switch' : act.startsWith('write') || act === 'begin-write-walk' ? 'write' : walk > 0 ? 'walk' : 'free';
    const last = stages.at(-1);
    if (last?.name !== name || last.walk !== walk) {
      stages.push({name, walk, first: i, kept: 0, steps: 0, placed: 0});
    }
    const stage = stages.at(-1);
    if (stage !== undefined) {
      stage.kept++;
      stage.steps++;
      stage.placed += act === 'place-block' ? 1 : 0;
    }
  }
  return stages;
}

/** A trace of these steps: old refblocks of 8 refcounts, new ones of 4, in a file of 40 clusters. */
export function traceOf(steps: readonly Partial<Step>[], oldTable: readonly number[] = [2, 12]): Trace {
  return new Trace(numbersOf(steps), {
    before: structureOf(32, 8),
    after: structureOf(64, 4),
    oldTable: Float64Array.from(oldTable),
    stages: stagesOf(steps),
    clusters: 40,
  });
}

const span = (block: number) => ({block, from: block * 4, to: block * 4 + 4});

function walk(number: number, ...steps: readonly (Partial<Step> & {act: LabAct})[]): Partial<Step>[] {
  return [{act: 'begin-walk', walk: number, to: 40}, ...steps.map((step) => ({...step, walk: number})), {act: 'end-walk', walk: number}];
}

/** As QEMU goes about it: what the first walk places lies in a range that it passed by as free. */
export const walked = traceOf([
  ...walk(
    1,
    {act: 'read-entries', ...span(0), n: 4},
    {act: 'place-block', ...span(0), at: 6},
    {act: 'skip-empty', ...span(1), n: 1},
    {act: 'read-entries', ...span(2), n: 2},
    {act: 'place-block', ...span(2), at: 7},
    {act: 'place-table', at: 13, n: 1},
  ),
  ...walk(
    2,
    {act: 'keep-block', ...span(0), at: 6},
    {act: 'place-block', ...span(1), at: 14},
    {act: 'keep-block', ...span(2), at: 7},
    {act: 'free-table', at: 13, n: 1},
    {act: 'place-table', at: 13, n: 1},
  ),
  {act: 'begin-write-walk', walk: 3, to: 40},
  {act: 'write-block', walk: 3, ...span(0), at: 6},
  {act: 'write-block', walk: 3, ...span(1), at: 14},
  {act: 'write-block', walk: 3, ...span(2), at: 7},
  {act: 'write-table', walk: 3, at: 13, n: 1},
  {act: 'switch-header', at: 13, n: 1},
  {act: 'free-old-block', block: 0, at: 2},
  {act: 'free-old-block', block: 1, at: 12},
  {act: 'free-old-table', at: 1, n: 1},
]);

/** Directly, where the table has to be made longer on the way: all is placed once more. */
export const grown = traceOf([
  {act: 'read-entries', ...span(0), n: 4},
  {act: 'drop-block', ...span(3)},
  {act: 'place-table', walk: 1, at: 20, n: 1},
  {act: 'place-block', walk: 1, ...span(0), at: 21},
  {act: 'place-block', walk: 1, ...span(5), at: 22},
  {act: 'free-table', walk: 1, at: 20, n: 1},
  {act: 'grow-table', walk: 1, n: 2},
  {act: 'place-table', walk: 2, at: 20, n: 2},
  {act: 'place-block', walk: 2, ...span(0), at: 45},
]);
