import {between, centred, clamped, fitScale, panned, planePoint, resized, revealed, screenPoint, wholeOf, zoomed} from '../model/map/camera';
import type {Bounds, Camera, Screen} from '../model/map/camera';
import {closestScale, movedPoint, spotAt, grainOf} from '../model/map/grain';
import type {Inside, Move, Spot} from '../model/map/grain';
import {clusterAt, extentOf, pointOf} from '../model/map/plane';
import type {Plane, Point, Rect} from '../model/map/plane';
import {Store} from './store';

/** What a map looks at. */
export interface Looking {
  plane: Plane;
  inside: Inside;
  bounds: Bounds;
  camera: Camera;
  screen: Screen;
  /** A point of the plane that keys move; null before they have. */
  cursor: Point | null;
}

const TRAVEL_MS = 220;

/** Where a map looks, and all that moves it. `now` is null until both the plane and the screen are known. */
export class Viewpoint {
  readonly now = new Store<Looking | null>(null);
  private plane: Plane | null = null;
  private inside: Inside = {clusterBits: 16, subclusters: 1};
  private screen: Screen | null = null;
  private travel = 0;

  /** @param calm tells whether the map must jump instead of travel */
  constructor(private readonly calm: () => boolean) {}

  /** Lays the clusters out. What was in the middle stays there, as well as it can. */
  lay(plane: Plane, inside: Inside): void {
    const before = this.now.value;
    [this.plane, this.inside] = [plane, inside];
    if (this.screen === null) {
      return;
    }
    const bounds = boundsOf(plane, inside);
    if (before === null || isWhole(before)) {
      this.set({plane, inside, bounds, screen: this.screen, camera: wholeOf(bounds, this.screen), cursor: movedTo(plane, before)});
      return;
    }
    const cursor = movedTo(plane, before);
    const middle = planePoint(before.camera, {x: before.screen.width / 2, y: before.screen.height / 2});
    const cluster = clusterAt(before.plane, middle);
    const point = cluster === null || cluster >= plane.clusters ? null : middleOf(plane, cluster);
    const camera = point === null ? wholeOf(bounds, this.screen) : centred(point, before.camera.scale, bounds, this.screen);
    this.set({plane, inside, bounds, screen: this.screen, camera, cursor});
  }

  resize(screen: Screen): void {
    const before = this.now.value;
    this.screen = screen;
    if (before !== null) {
      this.set({...before, screen, camera: resized(before.camera, before.bounds, before.screen, screen)});
    } else if (this.plane !== null) {
      this.lay(this.plane, this.inside);
    }
  }

  /** Moves what is shown by so many pixels. */
  pan(right: number, down: number): void {
    this.move(({camera, bounds, screen}) => clamped(panned(camera, right, down), bounds, screen));
  }

  /** Comes closer by a factor; what is at a point of the screen stays there. */
  zoom(factor: number, at: Point): void {
    this.move(({camera, bounds, screen}) => zoomed(camera, factor, at, bounds, screen));
  }

  /** The same around the cursor, or the middle, with a short journey. */
  step(factor: number): void {
    const now = this.now.value;
    if (now !== null) {
      const scale = this.target(now).scale * factor;
      this.go(centredOn(now, aim(now), scale));
    }
  }

  /** Goes to a scale around the cursor. */
  scaleTo(scale: number): void {
    const now = this.now.value;
    if (now !== null) {
      this.go(centredOn(now, aim(now), scale));
    }
  }

  whole(): void {
    const now = this.now.value;
    if (now !== null) {
      this.go(wholeOf(now.bounds, now.screen));
    }
  }

  /** Puts the cursor on a cluster and shows it; comes no closer than it is. */
  showCluster(cluster: number): void {
    const now = this.now.value;
    if (now !== null && cluster < now.plane.clusters) {
      const corner = pointOf(now.plane, cluster);
      const spot = now.cursor === null ? null : clusterAt(now.plane, now.cursor);
      const cursor = spot === cluster && now.cursor !== null ? now.cursor : middleOf(now.plane, cluster);
      this.set({...now, cursor});
      this.reveal({...corner, width: 1, height: 1});
    }
  }

  /** Puts the middle of the screen on a cluster. */
  centreOn(cluster: number): void {
    const now = this.now.value;
    if (now !== null && now.plane.clusters > 0) {
      const point = middleOf(now.plane, Math.max(0, Math.min(now.plane.clusters - 1, cluster)));
      this.set({...now, camera: centredOn(now, point, now.camera.scale)});
    }
  }

  moveCursor(move: Move): void {
    const now = this.now.value;
    if (now !== null && now.plane.clusters > 0) {
      const from = now.cursor ?? clampedTo(now.plane, aim(now));
      const cursor = now.cursor === null ? from : movedPoint(now.plane, now.inside, now.camera, now.screen, from, move);
      this.set({...now, cursor});
      const {width, height} = grainOf(now.plane, now.inside, now.camera.scale);
      this.reveal({x: Math.floor(cursor.x / width) * width, y: Math.floor(cursor.y / height) * height, width, height});
    }
  }

  setCursor(cursor: Point | null): void {
    const now = this.now.value;
    if (now !== null) {
      this.set({...now, cursor});
    }
  }

  /** Where the middle of a cluster is on screen. */
  placeOf(cluster: number): Point | null {
    const now = this.now.value;
    return now === null ? null : screenPoint(now.camera, middleOf(now.plane, cluster));
  }

  end(): void {
    cancelAnimationFrame(this.travel);
  }

  private reveal(part: Rect): void {
    this.move(({camera, bounds, screen}) => revealed(camera, part, bounds, screen));
  }

  private move(change: (now: Looking) => Camera): void {
    const now = this.now.value;
    if (now !== null) {
      this.stop();
      this.set({...now, camera: change(now)});
    }
  }

  private destination: Camera | null = null;

  private target({camera}: Looking): Camera {
    return this.destination ?? camera;
  }

  private go(to: Camera): void {
    const start = this.now.value;
    this.stop();
    if (start === null || this.calm()) {
      this.move(() => to);
      return;
    }
    const began = performance.now();
    this.destination = to;
    const frame = (time: number) => {
      const share = Math.min(1, Math.max(0, (time - began) / TRAVEL_MS));
      const now = this.now.value;
      if (now !== null) {
        const eased = 1 - (1 - share) ** 3;
        this.set({...now, camera: clamped(between(start.camera, to, eased), now.bounds, now.screen)});
      }
      if (share < 1) {
        this.travel = requestAnimationFrame(frame);
      } else {
        this.destination = null;
      }
    };
    this.travel = requestAnimationFrame(frame);
  }

  private stop(): void {
    cancelAnimationFrame(this.travel);
    this.destination = null;
  }

  private set(looking: Looking): void {
    this.now.set(looking);
  }
}

function boundsOf(plane: Plane, inside: Inside): Bounds {
  return {...extentOf(plane), closest: closestScale(inside)};
}

function middleOf(plane: Plane, cluster: number): Point {
  const {x, y} = pointOf(plane, cluster);
  return {x: x + 0.5, y: y + 0.5};
}

/** The cursor on another plane: on the same cluster. */
function movedTo(plane: Plane, before: Looking | null): Point | null {
  const cursor = before?.cursor ?? null;
  const cluster = before === null || cursor === null ? null : clusterAt(before.plane, cursor);
  return cluster === null || cluster >= plane.clusters ? null : middleOf(plane, cluster);
}

/** What is meant when nothing else is said: the cursor if it is on screen, else the middle. */
function aim({camera, screen, cursor}: Looking): Point {
  const middle = planePoint(camera, {x: screen.width / 2, y: screen.height / 2});
  if (cursor === null) {
    return middle;
  }
  const [x, y] = [(cursor.x - camera.x) * camera.scale, (cursor.y - camera.y) * camera.scale];
  return x >= 0 && y >= 0 && x <= screen.width && y <= screen.height ? cursor : middle;
}

function centredOn({bounds, screen}: Looking, point: Point, scale: number): Camera {
  return centred(point, scale, bounds, screen);
}

/** A point of the plane that holds a cluster. */
function clampedTo(plane: Plane, point: Point): Point {
  return clusterAt(plane, point) === null ? middleOf(plane, 0) : point;
}

/** The map shows everything. */
export function isWhole({camera, bounds, screen}: Looking): boolean {
  return camera.scale <= fitScale(bounds, screen) * 1.001;
}

/** What the cursor is on, null while there is none. */
export function cursorSpot({plane, inside, camera, cursor}: Looking): Spot | null {
  return cursor === null ? null : spotAt(plane, inside, grainOf(plane, inside, camera.scale), cursor);
}
