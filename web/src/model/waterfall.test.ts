import {expect, it} from 'vitest';
import type {LayersSizes} from '../protocol/protocol.gen';
import {fallsOf} from './waterfall';

function sizes(virtual: number, steps: [string, number][], stored: number): LayersSizes {
  const file = steps.reduce((at, [, bytes]) => at + bytes, virtual);
  return {
    virtual,
    file,
    stored,
    fits: true,
    reason: '',
    steps: steps.map(([kind, bytes]) => ({kind, label: kind, meaning: `what ${kind} is`, bytes})),
  };
}

it('leads from the disk to the file, each bar from where the last ended', () => {
  const {upper, lower, zoom} = fallsOf(sizes(100, [['unwritten', -40], ['snapshots', 80], ['leaked', 60]], 60));
  expect(zoom).toBe(1);
  expect(upper.map(({key, from, to}) => [key, from, to])).toEqual([
    ['disk', 0, 0.5],
    ['unwritten', 0.3, 0.5],
  ]);
  expect(lower.map(({key, from, to}) => [key, from, to])).toEqual([
    ['stored', 0, 0.3],
    ['snapshots', 0.3, 0.7],
    ['leaked', 0.7, 1],
    ['file', 0, 1],
  ]);
  expect(upper[1]?.shape).toBe('less');
  expect(lower.map(({shape}) => shape)).toEqual(['total', 'more', 'more', 'total']);
});

it('draws a small file larger, and says by how much', () => {
  const {upper, lower, zoom} = fallsOf(sizes(1 << 20, [['unwritten', 1024 - (1 << 20)], ['refcounts', 1024]], 1024));
  expect(zoom).toBe(512);
  expect(upper[0]?.to).toBe(1);
  expect(lower.map(({from, to}) => [from, to])).toEqual([[0, 0.5], [0.5, 1], [0, 1]]);
});

it('does without a disk or a file', () => {
  const {upper, lower} = fallsOf(sizes(0, [], 0));
  expect([...upper, ...lower].map(({from, to}) => [from, to])).toEqual([[0, 0], [0, 0], [0, 0]]);
});
