import {describe, expect, it} from 'vitest';
import {contrast, distance} from '../../test/vision';
import {OWNER_FACTS, OWNERS} from './owners';
import {DARK, LIGHT} from './palette';

describe.each([
  ['light', LIGHT],
  ['dark', DARK],
])('the %s palette', (_, palette) => {
  const fills = Object.entries(palette.fills);

  it('keeps every two families apart, for all kinds of colour vision', () => {
    for (const [i, [nameA, a]] of fills.entries()) {
      for (const [nameB, b] of fills.slice(i + 1)) {
        expect(distance(a, b), `${nameA} and ${nameB}`).toBeGreaterThan(11);
      }
    }
  });

  it('stands out from the page, except what is free', () => {
    for (const [name, fill] of fills) {
      expect(contrast(fill, palette.page), name).toBeGreaterThan(name === 'free' ? 1.2 : 3);
    }
    expect(contrast(palette.ink, palette.page)).toBeGreaterThan(15);
  });
});

it('gives no two owners the same hue and texture', () => {
  const looks = OWNERS.map((owner) => `${OWNER_FACTS[owner].family} ${OWNER_FACTS[owner].texture}`);
  expect(new Set(looks).size).toBe(OWNERS.length);
});

it('gives no two owners the same letters', () => {
  const letters = OWNERS.map((owner) => OWNER_FACTS[owner].letters).filter((text) => text !== '');
  expect(new Set(letters).size).toBe(letters.length);
});
