// @vitest-environment happy-dom
import {describe, expect, it} from 'vitest';
import {clusterAt, planeOf} from '../model/map/plane';
import {cursorSpot, isWhole, Viewpoint} from './viewpoint';
import type {Looking} from './viewpoint';

const inside = {clusterBits: 16, subclusters: 1};
const screen = {width: 400, height: 400};

function viewpoint(clusters = 2 ** 24, order: 'rows' | 'hilbert' = 'hilbert') {
  const made = new Viewpoint(() => true);
  made.resize(screen);
  made.lay(planeOf(clusters, order), inside);
  return made;
}

function now(view: Viewpoint): Looking {
  if (view.now.value === null) {
    throw new Error('it looks at nothing');
  }
  return view.now.value;
}

const under = (view: Viewpoint) => {
  const {plane, camera} = now(view);
  return clusterAt(plane, {x: camera.x + 200 / camera.scale, y: camera.y + 200 / camera.scale});
};

describe('a viewpoint', () => {
  it('knows nothing before it has a plane and a screen, in either order', () => {
    const view = new Viewpoint(() => true);
    view.lay(planeOf(100, 'rows'), inside);
    expect(view.now.value).toBeNull();
    view.resize(screen);
    expect(isWhole(now(view))).toBe(true);
  });

  it('goes from everything to one cluster, and to its bytes, by steps', () => {
    const view = viewpoint();
    view.showCluster(12_345_678);
    for (let i = 0; i < 30; i++) {
      view.step(2);
    }
    expect(under(view)).toBe(12_345_678);
    expect(cursorSpot(now(view))).toMatchObject({cluster: 12_345_678, length: 1});
    view.whole();
    expect(isWhole(now(view))).toBe(true);
  });

  it('stays on the cluster in its middle when the clusters are laid out anew', () => {
    const view = viewpoint();
    view.showCluster(12_345_678);
    view.scaleTo(100);
    view.lay(planeOf(2 ** 24, 'rows'), inside);
    expect(under(view)).toBe(12_345_678);
    expect(cursorSpot(now(view))?.cluster).toBe(12_345_678);
    view.resize({width: 200, height: 300});
    expect(now(view).camera.scale).toBe(100);
  });

  it('forgets the cursor where there is no such cluster any more', () => {
    const view = viewpoint();
    view.showCluster(12_345_678);
    view.scaleTo(100);
    view.lay(planeOf(1000, 'rows'), inside);
    expect(now(view).cursor).toBeNull();
    expect(isWhole(now(view))).toBe(true);
  });

  it('brings the cursor on screen with each key', () => {
    const view = viewpoint(10_000, 'rows');
    view.showCluster(0);
    view.scaleTo(60);
    for (let i = 0; i < 50; i++) {
      view.moveCursor('right');
      const {camera, cursor} = now(view);
      expect(cursor === null ? -1 : (cursor.x - camera.x) * camera.scale).toBeLessThanOrEqual(400);
    }
    expect(cursorSpot(now(view))?.cluster).toBe(50);
    view.moveCursor('end');
    expect(cursorSpot(now(view))?.cluster).toBe(9999);
    expect(view.placeOf(9999)).toMatchObject({y: expect.closeTo(370, -1) as number});
  });

  it('pans no farther than there is something', () => {
    const view = viewpoint();
    view.zoom(8, {x: 0, y: 0});
    view.pan(-500, -500);
    expect(now(view).camera).toMatchObject({x: 0, y: 0});
    view.centreOn(2 ** 24);
    expect(under(view)).not.toBeNull();
  });
});
