import {describe, expect, test} from 'vitest';
import type {RedirectBatch, Redirected} from '../protocol/protocol.gen';
import {batchWords, costText} from './redirect';

const NOTHING: Redirected = {on: true, cannot: '', unsafe: [], moved: 0, tableBytes: 0, dataBytes: 0, clusters: 0, batches: [], records: 0};

describe('what redirecting costs', () => {
  test('is said in clusters and bytes', () => {
    expect(costText({...NOTHING, moved: 3, clusters: 3, tableBytes: 3 * 65536})).toBe(
      'It takes 3 free clusters: 192 KiB of tables get a new place. The old places are free afterwards.',
    );
    expect(costText({...NOTHING, moved: 2, clusters: 2, tableBytes: 65536, dataBytes: 65536})).toContain(
      "64 KiB of tables and 64 KiB of the disk's data get a new place",
    );
  });

  test('is nothing where nothing moves', () => {
    expect(costText(NOTHING)).toContain('costs nothing more');
  });
});

test('the batches are numbered, and the last step of the header is the switch', () => {
  const kinds = ['free', 'header', 'header', 'header', 'late', 'cut'];
  const batches: RedirectBatch[] = kinds.map((kind) => ({kind, writes: 1, bytes: 512}));
  const words = batches.map((_, i) => batchWords(batches, i));
  expect(words.map(({title}) => title)).toEqual([
    '1. Free clusters only',
    '2. Before the switch',
    '3. Before the switch',
    '4. The switch',
    '5. Afterwards',
    '6. Cut the end',
  ]);
  expect(words.map(({after}) => after.includes('new image'))).toEqual([false, false, false, true, true, true]);
});
