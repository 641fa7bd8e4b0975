import type {Rect} from './layout';
import {SEVERITIES} from './severity';

/** A mark over the map at a point where something is wrong, never smaller than can be seen. */
export interface Mark {
  x: number;
  y: number;
  /** Index in SEVERITIES of the worst that it stands for. */
  rank: number;
}

const WASTE = SEVERITIES.indexOf('waste');

/** Marks closer than this would hide each other: the worst stands for all. */
const SPACING = 14;

/**
 * Collects marks of cells that are too small to hold one. Each place on screen keeps the worst, so a single bad
 * cluster among millions is always seen and thousands side by side stay legible.
 */
export class Marks {
  private readonly byPlace = new Map<number, Mark>();

  /** Adds the mark of a cell if its severity asks for one. */
  add(rect: Rect, rank: number): void {
    if (rank < WASTE) {
      return;
    }
    const mark = {x: rect.x + rect.width / 2, y: rect.y + rect.height / 2, rank};
    const place = Math.floor(mark.x / SPACING) * 0x10000 + Math.floor(mark.y / SPACING);
    const worst = this.byPlace.get(place);
    if (worst === undefined || worst.rank < rank) {
      this.byPlace.set(place, mark);
    }
  }

  /** The marks, worst last, so that they are drawn on top. */
  sorted(): Mark[] {
    return [...this.byPlace.values()].sort((a, b) => a.rank - b.rank);
  }
}
