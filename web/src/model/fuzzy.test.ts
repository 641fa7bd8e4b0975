import {describe, expect, it} from 'vitest';
import {fitOf, fitting} from './fuzzy';

const commands = ['Go to Map', 'Go to Repair', 'Map as a table', 'Save repaired image', 'Check again', 'Next finding', 'Colours: dark'];

function found(query: string): string[] {
  return fitting(query, commands, (name) => ({name, words: name === 'Check again' ? 'verify' : ''})).map(({item}) => item);
}

function marked(query: string, text: string): string {
  const fit = fitOf(query, text);
  return Array.from(text, (letter, i) => (fit?.hits.has(i) === true ? letter.toUpperCase() : letter.toLowerCase())).join('');
}

describe('a query', () => {
  it('finds words, the start of a word before its middle, in any order', () => {
    expect(found('map')).toEqual(['Go to Map', 'Map as a table']);
    expect(found('repair')).toEqual(['Go to Repair', 'Save repaired image']);
    expect(found('table map')).toEqual(['Map as a table']);
    expect(found('AGAIN')).toEqual(['Check again']);
  });

  it('finds letters in their order', () => {
    expect(found('chag')).toEqual(['Check again']);
    expect(found('gtr')[0]).toBe('Go to Repair');
    expect(found('zzz')).toEqual([]);
  });

  it('finds other words for the same, in one piece', () => {
    expect(found('verify')).toEqual(['Check again']);
    expect(fitOf('verify', 'Check again', 'verify')?.hits.size).toBe(0);
    expect(found('vfy')).toEqual([]);
  });

  it('that is empty finds everything as it stands', () => {
    expect(found('  ')).toEqual(commands);
  });

  it('tells which letters it has hit', () => {
    expect(marked('table', 'Map as a table')).toBe('map as a TABLE');
    expect(marked('mat', 'Map as a table')).toBe('Map As a Table');
    expect(marked('gtr', 'Go to Repair')).toBe('Go To Repair');
    expect(marked('aa', 'ab ba')).toBe('Ab bA');
  });

  it('of any characters does no harm', () => {
    for (const query of ['(', '\\', '[a', '<b>', '\u202e', 'a'.repeat(5000)]) {
      expect(found(query)).toEqual([]);
    }
  });
});
