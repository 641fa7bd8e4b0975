import {describe, expect, it} from 'vitest';
import {contrast, distance} from '../../../test/vision';
import {DARK, LIGHT} from '../palette';
import {mapPalette, rampColour} from './colours';
import {looksOf} from './kinds';

describe.each([
  ['light', LIGHT],
  ['dark', DARK],
])('the %s colours of the map', (_, base) => {
  const palette = mapPalette(base);

  it.each([
    ['guest clusters', Object.values(palette.guest)],
    ['health', [palette.fills.free, ...palette.health]],
  ])('keep %s apart, for all kinds of colour vision, and stand out from the page', (__, colours) => {
    for (const [i, a] of colours.entries()) {
      for (const b of colours.slice(i + 1)) {
        expect(distance(a, b), `${a} and ${b}`).toBeGreaterThan(10.5);
      }
      expect(contrast(a, palette.page), a).toBeGreaterThan(a === palette.fills.free ? 1.2 : 2.9);
    }
  });

  it('go step by step with the references, and from the start of the disk to its end', () => {
    for (const ramp of [palette.references, palette.order]) {
      for (const [i, colour] of ramp.slice(1).entries()) {
        expect(distance(colour, ramp[i] ?? ''), `${ramp[i] ?? ''} to ${colour}`).toBeGreaterThan(2.5);
      }
    }
    expect(distance(palette.order[0] ?? '', palette.order.at(-1) ?? '')).toBeGreaterThan(40);
  });

  it.each(['host', 'guest'] as const)('and textures tell all kinds of %s clusters apart', (space) => {
    const looks = looksOf(space, space === 'host' ? 'layer' : 'owner', palette, {parent: true, snapshots: ['a']});
    expect(new Set(looks.map(({fill, texture}) => `${fill} ${texture}`)).size).toBe(looks.length);
    expect(looks.map(({index}) => index)).toEqual(looks.map((___, i) => i));
  });
});

it('a ramp has its colours at its ends and between', () => {
  expect(rampColour(['#000000', '#ff0000'], 0)).toEqual([0, 0, 0]);
  expect(rampColour(['#000000', '#ff0000'], 0.5)).toEqual([128, 0, 0]);
  expect(rampColour(['#000000', '#ff0000', '#ff0010'], 1)).toEqual([255, 0, 16]);
  expect(rampColour(['#000000', '#ff0000'], 7)).toEqual([255, 0, 0]);
});
