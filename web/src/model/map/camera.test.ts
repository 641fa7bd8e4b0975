import {describe, expect, it} from 'vitest';
import {between, centred, clamped, planePoint, resized, revealed, screenRect, shownPart, wholeOf, zoomed} from './camera';

const bounds = {width: 4096, height: 2048, closest: 6656};
const screen = {width: 400, height: 300};
const whole = wholeOf(bounds, screen);

describe('a camera', () => {
  it('shows everything, in the middle', () => {
    const part = shownPart(whole, screen);
    expect(part.width).toBeCloseTo(4096);
    expect(part.y).toBeCloseTo(-(part.height - 2048) / 2);
  });

  it('keeps what is under the pointer there when it zooms', () => {
    const at = {x: 250, y: 140};
    // So close that both sides of the plane are larger than the screen.
    let camera = zoomed(whole, 8, at, bounds, screen);
    const before = planePoint(camera, at);
    for (let i = 0; i < 20; i++) {
      camera = zoomed(camera, 2, at, bounds, screen);
      expect(planePoint(camera, at).x).toBeCloseTo(before.x, 6);
      expect(planePoint(camera, at).y).toBeCloseTo(before.y, 6);
    }
    expect(camera.scale).toBe(bounds.closest);
  });

  it('never shows more nothing than it must', () => {
    const close = {x: -50, y: 9999, scale: 1};
    expect(clamped(close, bounds, screen)).toEqual({x: 0, y: 2048 - 300, scale: 1});
    expect(clamped({x: 5, y: 5, scale: 0.00001}, bounds, screen)).toEqual(whole);
  });

  it('moves no farther than needed to show a part', () => {
    const camera = {x: 1000, y: 1000, scale: 1};
    expect(revealed(camera, {x: 1100, y: 1100, width: 10, height: 10}, bounds, screen)).toEqual(camera);
    const right = revealed(camera, {x: 1500, y: 1100, width: 10, height: 10}, bounds, screen);
    expect(screenRect(right, {x: 1500, y: 1100, width: 10, height: 10})).toEqual({x: 366, y: 100, width: 10, height: 10});
  });

  it('keeps its middle, or all of the plane, on another screen', () => {
    const larger = {width: 800, height: 600};
    expect(resized(whole, bounds, screen, larger)).toEqual(wholeOf(bounds, larger));
    const camera = centred({x: 2000, y: 1000}, 3, bounds, screen);
    expect(planePoint(resized(camera, bounds, screen, larger), {x: 400, y: 300})).toEqual({x: 2000, y: 1000});
  });

  it('travels from one place to another, and arrives', () => {
    const there = centred({x: 3000, y: 700}, 500, bounds, screen);
    expect(between(whole, there, 0).scale).toBeCloseTo(whole.scale);
    expect(between(whole, there, 1)).toBe(there);
    const halfway = between(whole, there, 0.5);
    expect(halfway.scale).toBeCloseTo(Math.sqrt(whole.scale * 500));
    const aside = {...there, x: there.x + 10};
    expect(between(there, aside, 0.5).x).toBeCloseTo(there.x + 5);
  });
});
