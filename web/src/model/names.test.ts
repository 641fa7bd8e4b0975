import {expect, it} from 'vitest';
import {changedName, numberedName, ordinals, reportName} from './names';

it.each([
  ['disk.qcow2', 'disk.repaired.qcow2'],
  ['.qcow2', '.qcow2.repaired.qcow2'],
  ['vm-9.img', 'vm-9.img.repaired.qcow2'],
  ['a/b\\c:\u202egpj.q', 'a_b_c__gpj.q.repaired.qcow2'],
  ['...', 'disk.repaired.qcow2'],
])('%s is saved as %s', (name, saved) => {
  expect(changedName(name, ['repaired'])).toBe(saved);
});

it('says all that was done', () => {
  expect(changedName('disk.qcow2', ['repaired', 'refcount64'])).toBe('disk.repaired.refcount64.qcow2');
});

it('keeps long names within what file systems take', () => {
  expect(changedName('x'.repeat(300), ['repaired', 'refcount64']).length).toBeLessThan(255);
});

it('names the report after the image', () => {
  expect(reportName('disk.qcow2')).toBe('disk.report.json');
});

it('numbers those of the same name, the first without a number', () => {
  const names = ['disk', null, 'other', 'disk', null, 'disk'];
  const numbers = ordinals(names);
  expect(numbers).toEqual([1, 1, 1, 2, 1, 3]);
  expect(names.map((name, i) => numberedName(name ?? '', numbers[i] ?? 0))).toEqual(['disk', '', 'other', 'disk (2)', '', 'disk (3)']);
  expect(numberedName('a\u202eb', 2)).toBe('a\u27e8U+202E\u27e9b (2)');
});
