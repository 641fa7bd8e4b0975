import {describe, expect, it} from 'vitest';
import {pinAt, pinsOf, placePins, shortCount} from './pins';
import {planeOf} from './plane';

const plane = planeOf(2 ** 24, 'hilbert');
const screen = {width: 400, height: 400};
const whole = {x: 0, y: 0, scale: 400 / 4096};

describe('pins', () => {
  it('are joined where they are close: the worst stays in its place, none is lost', () => {
    const pins = [
      {cluster: 100, count: 3, rank: 2},
      {cluster: 101, count: 1, rank: 5},
      {cluster: 140, count: 2, rank: 5},
      {cluster: 12_000_000, count: 1, rank: 2},
    ];
    const placed = placePins(plane, whole, screen, pins);
    expect(placed.map(({cluster, count, rank}) => ({cluster, count, rank}))).toEqual([
      {cluster: 101, count: 3, rank: 5},
      {cluster: 12_000_000, count: 1, rank: 2},
    ]);
  });

  it('at an edge are seen whole', () => {
    const [pin] = placePins(plane, whole, screen, [{cluster: 0, count: 1, rank: 5}]);
    expect(pin).toMatchObject({x: 13, y: 13});
  });

  it.each([
    ['the last row', 40, {x: 0, y: -9.8}, {x: 20, y: 387}],
    ['the first row', 40, {x: 0, y: 0.9}, {x: 20, y: 13}],
    ['a large cell of the last row', 100, {x: 0, y: -3.9}, {x: 84, y: 387}],
    ['a large cell at the corner', 100, {x: -3.7, y: 0}, {x: 387, y: 16}],
  ])('of %s whose middle is near the edge or just off it are seen whole', (_, scale, at, place) => {
    expect(placePins(plane, {...at, scale}, screen, [{cluster: 0, count: 1, rank: 5}])).toMatchObject([place]);
  });

  it('of a cell that is not seen are left out', () => {
    expect(placePins(plane, {x: 1.01, y: 0, scale: 40}, screen, [{cluster: 0, count: 1, rank: 5}])).toEqual([]);
  });

  it('off the screen are left out', () => {
    expect(placePins(plane, {x: 0, y: 0, scale: 10}, screen, [{cluster: 2 ** 24 - 1, count: 1, rank: 5}])).toEqual([]);
  });

  it('are few enough to be told apart, however many there are', () => {
    const pins = Array.from({length: 5000}, (_, i) => ({cluster: i * 3333, count: 1, rank: 3}));
    const placed = placePins(plane, whole, screen, pins);
    expect(placed.length).toBeLessThanOrEqual(60);
    expect(placed.reduce((sum, pin) => sum + pin.count, 0)).toBe(5000);
  });

  it('are hit by a finger', () => {
    const placed = placePins(plane, whole, screen, pinsOf({clusters: new Float64Array([8_000_000]), counts: new Float64Array([1]), severities: new Uint8Array([4])}));
    const [pin] = placed;
    expect(pinAt(placed, (pin?.x ?? 0) + 10, pin?.y ?? 0)?.cluster).toBe(8_000_000);
    expect(pinAt(placed, (pin?.x ?? 0) + 20, pin?.y ?? 0)).toBeNull();
  });
});

it.each([
  [1, '1'],
  [950, '950'],
  [1250, '1.2k'],
  [34_999, '34k'],
  [5_000_000, '5M'],
  [7.7e9, '7.7G'],
])('%d in little room', (count, text) => {
  expect(shortCount(count)).toBe(text);
});
