import type {MapPins} from '../../protocol/ops-map';
import type {Camera, Screen} from './camera';
import {screenPoint} from './camera';
import {pointOf} from './plane';
import type {Plane} from './plane';

/** Something wrong at a cluster, standing for as many others close by. */
export interface Pin {
  cluster: number;
  count: number;
  /** Index in SEVERITIES. */
  rank: number;
}

/** A pin where it is drawn, in pixels of the screen. */
export interface PlacedPin extends Pin {
  x: number;
  y: number;
}

/** Pins closer than this are joined: each can then be hit with a finger. */
const PIN_DISTANCE = 26;
/** Half of a mark, with its rim: nearer to an edge it would be cut off. */
const EDGE = 13;
/** A cell from so many pixels on has its mark in the corner. */
export const WRITTEN_CELL = 56;
/** With more than so many on screen, pins are joined that are farther apart. */
const MOST_PINS = 60;

export function pinsOf({clusters, counts, severities}: MapPins): Pin[] {
  return Array.from(clusters, (cluster, i) => ({cluster, count: counts[i] ?? 1, rank: severities[i] ?? 0}));
}

/** The pins that are on screen, joined where they are close. The worst stays in its place, and none is lost. */
export function placePins(plane: Plane, camera: Camera, screen: Screen, pins: readonly Pin[]): PlacedPin[] {
  // In a large cell the mark leaves its middle to what is written there.
  const aside = camera.scale >= WRITTEN_CELL ? camera.scale / 2 - 16 : 0;
  const seen = pins
    .map((pin) => {
      const corner = pointOf(plane, pin.cluster);
      return {...pin, ...screenPoint(camera, {x: corner.x + 0.5, y: corner.y + 0.5})};
    })
    .filter(({x, y}) => {
      // A large cell shows its pin as long as any of it is seen.
      const reach = camera.scale / 2;
      return x > -reach && y > -reach && x < screen.width + reach && y < screen.height + reach;
    })
    .map((pin) => ({...pin, x: within(pin.x + aside, screen.width), y: within(pin.y - aside, screen.height)}));
  let distance = PIN_DISTANCE;
  let joined = joinPins(seen, distance);
  while (joined.length > MOST_PINS) {
    distance *= 1.5;
    joined = joinPins(seen, distance);
  }
  return joined;
}

/** A mark at the edge is seen whole, also that of a cell whose middle is just off the screen. */
function within(at: number, length: number): number {
  return Math.max(EDGE, Math.min(length - EDGE, at));
}

function joinPins(pins: readonly PlacedPin[], distance: number): PlacedPin[] {
  const byPlace = new Map<string, PlacedPin>();
  const placed: PlacedPin[] = [];
  const sorted = [...pins].sort((a, b) => b.rank - a.rank);
  for (const pin of sorted) {
    const [column, row] = [Math.floor(pin.x / distance), Math.floor(pin.y / distance)];
    const near = neighbour(byPlace, pin, column, row, distance);
    if (near === null) {
      const own = {...pin};
      byPlace.set(`${column} ${row}`, own);
      placed.push(own);
    } else if (near.rank === pin.rank) {
      near.count += pin.count;
    }
  }
  return placed;
}

function neighbour(
  byPlace: ReadonlyMap<string, PlacedPin>,
  pin: PlacedPin,
  column: number,
  row: number,
  distance: number,
): PlacedPin | null {
  for (let y = row - 1; y <= row + 1; y++) {
    for (let x = column - 1; x <= column + 1; x++) {
      const other = byPlace.get(`${x} ${y}`);
      if (other !== undefined && Math.hypot(other.x - pin.x, other.y - pin.y) < distance) {
        return other;
      }
    }
  }
  return null;
}

/** The pin at a point of the screen, null if there is none close enough. */
export function pinAt(pins: readonly PlacedPin[], x: number, y: number): PlacedPin | null {
  let best: PlacedPin | null = null;
  let nearest = PIN_DISTANCE / 2;
  for (const pin of pins) {
    const far = Math.hypot(pin.x - x, pin.y - y);
    if (far < nearest) {
      [best, nearest] = [pin, far];
    }
  }
  return best;
}

/** A number in little room: 950, 1.2k, 34k, 5M. */
export function shortCount(count: number): string {
  for (const [size, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (count >= size) {
      const value = count / size;
      return `${value < 10 ? Math.floor(value * 10) / 10 : Math.floor(value)}${unit}`;
    }
  }
  return String(count);
}
