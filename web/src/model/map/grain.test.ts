import {describe, expect, it} from 'vitest';
import {byteAt, byteRect, closestScale, grainOf, movedPoint, spotAt, stageOf, subclusterRect} from './grain';
import {clusterAt, planeOf, pointOf} from './plane';

const whole = {clusterBits: 12, subclusters: 1};
const split = {clusterBits: 14, subclusters: 32};

describe.each([whole, split, {clusterBits: 9, subclusters: 1}, {clusterBits: 16, subclusters: 32}])('inside of %o', (inside) => {
  it('each byte has a place of its own', () => {
    for (let offset = 0; offset < 2 ** inside.clusterBits; offset += 37) {
      const {x, y, width, height} = byteRect(inside, offset);
      expect(byteAt(inside, {x: x + width / 2, y: y + height / 2})).toBe(offset);
    }
  });

  it('bytes lie in their subcluster', () => {
    const size = 2 ** inside.clusterBits / inside.subclusters;
    for (let index = 0; index < inside.subclusters; index++) {
      const sub = subclusterRect(inside, index);
      for (const offset of [index * size, index * size + size - 1]) {
        const byte = byteRect(inside, offset);
        expect(byte.x >= sub.x && byte.y >= sub.y && byte.x + byte.width <= sub.x + sub.width + 1e-9 && byte.y + byte.height <= sub.y + sub.height + 1e-9).toBe(true);
      }
    }
  });
});

it('one zoom goes through all stages, in order', () => {
  const plane = planeOf(2 ** 24, 'hilbert');
  const fit = 400 / 4096;
  const stages = [];
  for (let scale = fit; scale <= closestScale(split); scale *= 1.2) {
    stages.push(stageOf(plane, split, scale, fit));
  }
  stages.push(stageOf(plane, split, closestScale(split), fit));
  expect([...new Set(stages)]).toEqual(['file', 'region', 'cluster', 'subcluster', 'bytes']);
});

it('a spot is cells, a cluster, a subcluster or a byte, as near as one is', () => {
  const plane = planeOf(4096, 'rows');
  const at = {x: 5.3, y: 2.6};
  const spot = (scale: number) => spotAt(plane, split, grainOf(plane, split, scale), at);
  expect(spot(1)).toMatchObject({level: 4, cluster: 0});
  expect(spot(40)).toEqual({level: 0, cluster: 2 * 64 + 5, offset: 0, length: 16384});
  expect(spot(300)).toEqual({level: 0, cluster: 133, offset: 18 * 512, length: 512});
  expect(spot(closestScale(split))).toMatchObject({level: 0, cluster: 133, length: 1});
  expect(spotAt(plane, split, grainOf(plane, split, 40), {x: 5, y: 64.5})).toBeNull();
});

describe.each(['rows', 'hilbert'] as const)('the cursor, %s', (order) => {
  const plane = planeOf(1000, order);
  const screen = {width: 300, height: 300};
  const camera = {x: 0, y: 0, scale: 20};
  const go = (from: number, ...moves: Parameters<typeof movedPoint>[5][]) => {
    const {x, y} = pointOf(plane, from);
    let point = {x: x + 0.5, y: y + 0.5};
    for (const move of moves) {
      point = movedPoint(plane, whole, camera, screen, point, move);
    }
    return clusterAt(plane, point);
  };

  it('goes to the beginning and the end', () => {
    expect(go(500, 'start')).toBe(0);
    expect(go(500, 'end')).toBe(999);
  });

  it('goes there and back', () => {
    expect(go(33, 'right', 'left')).toBe(33);
    expect(go(33, 'down', 'up')).toBe(33);
  });

  it('stays where there is nothing to go to', () => {
    expect(go(0, 'left')).toBe(0);
    expect(go(0, 'up')).toBe(0);
    for (let cluster = 0; cluster < 1000; cluster += 13) {
      for (const move of ['left', 'right', 'up', 'down', 'page-up', 'page-down', 'row-start', 'row-end'] as const) {
        expect(go(cluster, move), `${move} from ${cluster}`).not.toBeNull();
      }
    }
  });
});
