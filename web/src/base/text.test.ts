import {expect, it} from 'vitest';
import {visiblePieces, visibleText} from './text';

it('leaves plain text alone, in any script', () => {
  expect(visiblePieces('base \u05d3\u05d9\u05e1\u05e7.img')).toEqual([
    {text: 'base \u05d3\u05d9\u05e1\u05e7.img', control: false},
  ]);
});

it('shows control characters', () => {
  expect(visiblePieces('a\x00\nb')).toEqual([
    {text: 'a', control: false},
    {text: '\u2400', control: true},
    {text: '\u240a', control: true},
    {text: 'b', control: false},
  ]);
});

it('names characters that turn the direction around', () => {
  expect(visibleText('gmi.\u202egpj\u2066')).toBe('gmi.\u27e8U+202E\u27e9gpj\u27e8U+2066\u27e9');
});

it('names a lone surrogate', () => {
  expect(visibleText('x\ud800')).toBe('x\u27e8U+D800\u27e9');
});
