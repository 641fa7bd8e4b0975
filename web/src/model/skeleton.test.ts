import {expect, it} from 'vitest';
import {info} from '../../test/fake-core';
import {takeView} from '../../test/fake-takeaway';
import {keepable, leftOut} from './skeleton';

it('asks for what is in the image only', () => {
  expect(keepable(info).map(({thing}) => thing)).toEqual(['extensions']);
  const full = {...info, snapshots: 2, bitmaps: 1, backingFile: 'base.img', dataFile: 'data.raw', encryption: 'luks'};
  expect(keepable(full).map(({thing}) => thing)).toEqual([
    'snapshots',
    'bitmaps',
    'backing',
    'data-file',
    'bitmap-data',
    'luks',
    'extensions',
  ]);
  expect(keepable(full).find(({thing}) => thing === 'backing')?.example).toBe('base.img');
  expect(keepable(full).find(({thing}) => thing === 'luks')?.warning).not.toBe('');
});

it('says what was left out, and nothing of what was not there', () => {
  expect(leftOut(takeView.skeleton)).toEqual([
    '64 KiB of data and saved states of virtual machines are blank.',
    '1 name became another.',
  ]);
  const all = {tables: 1, data: 1, compressed: 1, unused: 1, bitmapData: 1, keys: true, names: 2, same: true};
  expect(leftOut(all)).toHaveLength(6);
  expect(leftOut(all).join(' ')).toContain('cannot be decoded');
});
