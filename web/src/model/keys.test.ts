import {expect, it} from 'vitest';
import {commandOf, PANELS} from './keys';

it('goes to the panels by number', () => {
  for (const [i, panel] of PANELS.entries()) {
    expect(commandOf(String(i + 1))).toEqual({do: 'panel', panel});
  }
  expect(commandOf(String(PANELS.length + 1))).toBeNull();
  expect(commandOf('0')).toBeNull();
});

it.each([
  ['?', 'help'],
  ['/', 'filter'],
  ['n', 'finding'],
  ['p', 'finding'],
  ['t', 'table'],
  ['[', 'history'],
  [']', 'history'],
])('%s is %s', (key, command) => {
  expect(commandOf(key)?.do).toBe(command);
});

it.each(['x', 'Enter', '', ' ', 'N'])('%o is nothing', (key) => {
  expect(commandOf(key)).toBeNull();
});
