import type {Result} from '../base/result';
import type {Engine} from '../engine/client';
import {MAP_CHOICES} from '../model/map/choices';
import type {MapChoices} from '../model/map/choices';
import type {MapSpace} from '../model/map/kinds';
import type {Meant} from '../model/map/meant';
import {samePlace} from '../model/map/place';
import type {MapPlace} from '../model/map/place';
import type {MapLinks} from '../protocol/ops-map';
import type {MapScan, Problem} from '../protocol/protocol.gen';
import {Store} from './store';
import type {View} from './view';

/** Clusters of one map that belong to what is meant in the other. */
export interface Linked {
  /** The map that they are painted on. */
  space: MapSpace;
  runs: readonly {first: number; count: number}[];
  /** There are further ones. */
  more: boolean;
}

export interface LinkedBoth {
  hovered: Linked | null;
  selected: Linked | null;
  /** The clusters of the file that a plan writes to; null if there is no plan. */
  written: Linked | null;
}

const NONE: LinkedBoth = {hovered: null, selected: null, written: null};

/**
 * What the two maps have in common: how they are looked at, how far the reading of the tables is on which the guest map
 * depends, and what belongs together.
 */
export class MapDesk {
  readonly choices = new Store<MapChoices>(MAP_CHOICES);
  /** null before anything of it is known. */
  readonly scan = new Store<MapScan | null>(null);
  readonly scanProblem = new Store<Problem | null>(null);
  readonly linked = new Store<LinkedBoth>(NONE);

  private epoch: number;
  private place: MapPlace | null = null;
  private scanning = false;
  private hovered: Meant | null = null;
  private asking = false;

  constructor(
    private readonly engine: Pick<Engine, 'call'>,
    private readonly view: Store<View>,
  ) {
    this.epoch = view.value.epoch;
    view.subscribe(() => this.viewChanged());
  }

  change(change: Partial<MapChoices>): void {
    this.choices.update((old) => ({...old, ...change}));
  }

  /** What another image starts with. */
  reset(): void {
    const {show, order} = this.choices.value;
    this.choices.set({...MAP_CHOICES, show, order});
  }

  /** Reads the tables, step by step, so that other questions are answered in between. */
  async readTables(): Promise<void> {
    if (this.scanning || isRead(this.scan.value) || this.scanProblem.value !== null) {
      return;
    }
    this.scanning = true;
    const {epoch} = this;
    let reply = await this.engine.call('mapScan', undefined);
    while (epoch === this.epoch && reply.ok && !isRead(reply.value)) {
      this.scan.set(reply.value);
      reply = await this.engine.call('mapScan', undefined);
    }
    this.scanning = false;
    if (epoch !== this.epoch) {
      await this.readTables();
    } else if (reply.ok) {
      this.scan.set(reply.value);
      await this.linkSelected();
    } else {
      this.scanProblem.set(reply.error);
    }
  }

  /** Says what the pointer or the cursor is on; the latest counts. */
  hover(meant: Meant | null): void {
    this.hovered = meant;
    if (meant === null) {
      this.linked.update((old) => (old.hovered === null ? old : {...old, hovered: null}));
    } else {
      void this.askHovered();
    }
  }

  /** Marks what the plan that was made last writes to, or the applied changes have written to. */
  async readWritten(): Promise<void> {
    const {epoch} = this;
    const reply = await this.engine.call('written', {first: 0, count: Number.MAX_SAFE_INTEGER});
    if (epoch === this.epoch) {
      const written = reply.ok && reply.value.length > 0 ? writtenRuns(reply.value) : null;
      this.linked.update((old) => (old.written === written ? old : {...old, written}));
    }
  }

  private viewChanged(): void {
    const {epoch, selected} = this.view.value;
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.hovered = null;
      this.scan.set(null);
      this.scanProblem.set(null);
      this.linked.set(NONE);
    }
    if (!samePlace(selected, this.place)) {
      this.place = selected;
      void this.linkSelected();
    }
  }

  private async linkSelected(): Promise<void> {
    const {place, epoch} = this;
    if (place === null || !isRead(this.scan.value)) {
      this.linked.update((old) => (old.selected === null ? old : {...old, selected: null}));
      return;
    }
    const reply = await this.ask({space: place.space, first: place.cluster, count: 1, rows: 1, stride: 0});
    if (epoch === this.epoch && samePlace(this.place, place)) {
      this.linked.update((old) => ({...old, selected: linkedOf(place.space, reply)}));
    }
  }

  /** One question at a time: the pointer moves faster than answers come. */
  private async askHovered(): Promise<void> {
    const meant = this.hovered;
    if (this.asking || meant === null || !isRead(this.scan.value)) {
      return;
    }
    this.asking = true;
    const {epoch} = this;
    const reply = await this.ask(meant);
    this.asking = false;
    if (epoch !== this.epoch) {
      return;
    }
    if (this.hovered === meant) {
      this.linked.update((old) => ({...old, hovered: linkedOf(meant.space, reply)}));
    } else {
      await this.askHovered();
    }
  }

  private ask(meant: Meant): Promise<Result<MapLinks, Problem>> {
    return this.engine.call('mapLinks', meant);
  }
}

export function isRead(scan: MapScan | null): boolean {
  return scan !== null && scan.done >= scan.total;
}

function linkedOf(space: MapSpace, reply: Result<MapLinks, Problem>): Linked | null {
  if (!reply.ok) {
    return null;
  }
  const {firsts, counts, more} = reply.value;
  const runs = Array.from(firsts, (first, i) => ({first, count: counts[i] ?? 1}));
  return {space: space === 'host' ? 'guest' : 'host', runs, more: more[0] === 1};
}

/** As the core gives at most so many. */
const MOST_WRITTEN = 4096;

function writtenRuns(pairs: Float64Array): Linked {
  const runs = Array.from({length: pairs.length / 2}, (_, i) => ({first: pairs[2 * i] ?? 0, count: pairs[2 * i + 1] ?? 1}));
  return {space: 'host', runs, more: runs.length >= MOST_WRITTEN};
}
