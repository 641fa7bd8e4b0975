import {describe, expect, it} from 'vitest';
import {HEX_START, jumped, stepped, walked} from './hexplace';

describe('the way through the file', () => {
  it('is remembered by its jumps', () => {
    let place = walked(HEX_START, 0x30n);
    place = jumped(place, 0x10000n);
    place = walked(place, 0x10008n);
    place = jumped(place, 0x20000n);
    expect(place.back).toEqual([0x30n, 0x10008n]);
    place = stepped(place, -1);
    expect(place.cursor).toBe(0x10008n);
    place = stepped(place, -1);
    expect(place.cursor).toBe(0x30n);
    expect(stepped(place, -1)).toBe(place);
    place = stepped(stepped(place, 1), 1);
    expect([place.cursor, place.forward]).toEqual([0x20000n, []]);
    expect(stepped(place, 1)).toBe(place);
  });

  it('forgets what lay ahead when one goes another way', () => {
    const place = jumped(stepped(jumped(HEX_START, 1n), -1), 2n);
    expect(place.forward).toEqual([]);
    expect(place.back).toEqual([0n]);
  });

  it('has no jump to where one is, but that is brought into sight', () => {
    const place = jumped(HEX_START, 0n);
    expect(place.back).toEqual([]);
    expect(place.jumps).toBe(1);
    expect(walked(HEX_START, 0n)).toBe(HEX_START);
  });

  it('does not grow for ever', () => {
    let place = HEX_START;
    for (let i = 1n; i < 1000n; i++) {
      place = jumped(place, i);
    }
    expect(place.back).toHaveLength(200);
    expect(place.back.at(-1)).toBe(998n);
  });
});
