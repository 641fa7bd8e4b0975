import type {Engine} from '../../engine/client';
import type {Camera, Screen} from '../../model/map/camera';
import {shownPart} from '../../model/map/camera';
import {drawnLevel, levelFor} from '../../model/map/grain';
import {pinsOf} from '../../model/map/pins';
import type {Pin} from '../../model/map/pins';
import {nameOf, tilesIn} from '../../model/map/plane';
import type {Rect} from '../../model/map/plane';
import type {Problem} from '../../protocol/protocol.gen';
import type {Tile} from './frame';
import {Lazy} from './lazy';
import {orderName, TileStore} from './tiles';
import type {Source, Wanted} from './tiles';

/** The binary logarithm of the side of a block whose pins are asked for together. */
const PIN_BLOCK_BITS = 5;
/** Pixels of a cell that has a pin of its own. */
const PIN_CELL = 12;
const MOST_BLOCKS = 96;
const STATE_RUN = 64;
const MOST_STATES = 256;
const PAGE = 4096;
const MOST_PAGES = 256;
const HOSTS_KEPT = 512;

/** A map's picture of the first cells, and of others that it has read: all of one state of the image. */
export class MapReader {
  readonly tiles: TileStore;
  problem: Problem | null = null;
  private readonly pins: Lazy<Pin[]>;
  private readonly states: Lazy<Uint8Array>;
  private readonly pages: Lazy<Uint8Array>;
  private readonly hosts: Lazy<number>;

  /**
   * @param changed called when something has come that may be on screen
   * @param dropped called when cells are no longer kept
   */
  constructor(
    private readonly engine: Pick<Engine, 'call'>,
    changed: () => void,
    dropped: (cells: Uint8Array) => void,
  ) {
    this.tiles = new TileStore(
      (request) => engine.call('mapTile', request),
      (problem) => {
        this.problem ??= problem;
        changed();
      },
      dropped,
    );
    this.pins = new Lazy(MOST_BLOCKS, changed);
    this.states = new Lazy(MOST_STATES, changed);
    this.pages = new Lazy(MOST_PAGES, changed);
    this.hosts = new Lazy(HOSTS_KEPT, changed);
  }

  end(): void {
    this.tiles.end();
    for (const lazy of this.lazies()) {
      lazy.end();
    }
  }

  /** Something that is on screen has not come yet. */
  get busy(): boolean {
    return this.tiles.busy || this.lazies().some((lazy) => lazy.busy);
  }

  private lazies() {
    return [this.pins, this.states, this.pages, this.hosts];
  }

  /** Asks for the tiles on screen, and then for others. Those that are there come back, coarse ones first, which show until finer ones come. */
  tilesFor(source: Source, camera: Camera, screen: Screen, others: readonly Wanted[]): Tile[] {
    const part = shownPart(camera, screen);
    const level = drawnLevel(source.plane, camera.scale);
    const places = tilesIn(source.plane, level, part);
    this.tiles.want([...places.map((place) => ({source, place})), ...others]);
    const tiles = places.map((place) => this.tiles.get(source, place)).filter((tile) => tile !== null);
    return tiles.length === places.length ? tiles : [...this.coarser(source, level, part), ...tiles];
  }

  /** What there is of the next coarser levels that have anything. */
  private coarser(source: Source, level: number, part: Rect): Tile[] {
    for (let up = level + 1; up <= source.plane.bits; up++) {
      const known = tilesIn(source.plane, up, part)
        .map((place) => this.tiles.get(source, place))
        .filter((tile) => tile !== null);
      if (known.length > 0) {
        return known;
      }
    }
    return [];
  }

  /** The two bytes of a cluster, null while they are not known. */
  cluster(source: Source, cluster: {x: number; y: number}): [number, number] | null {
    return this.tiles.cell(source, {level: 0, ...cluster});
  }

  /** The pins on screen; where they are not yet known, those of coarser cells. */
  pinsFor(source: Source, camera: Camera, screen: Screen): Pin[] {
    const level = levelFor(source.plane, camera.scale, PIN_CELL);
    const found = new Map<number, Pin>();
    for (const block of blocksIn(source, level, shownPart(camera, screen))) {
      for (const pin of this.block(source, level, block) ?? this.coarserPins(source, level, block)) {
        found.set(pin.cluster, pin);
      }
    }
    return [...found.values()];
  }

  private block(source: Source, level: number, {x, y}: {x: number; y: number}): Pin[] | null {
    const {space, layer, plane} = source;
    const name = nameOf(plane, {level: Math.min(plane.bits, level + PIN_BLOCK_BITS), x, y});
    return this.pins.get(`${space} ${layer} ${plane.order} ${plane.clusters} ${level} ${x} ${y}`, async () => {
      const reply = await this.engine.call('mapPins', {space, layer, order: orderName(plane), level, ...name, clusters: plane.clusters});
      return reply.ok ? {ok: true, value: pinsOf(reply.value)} : reply;
    });
  }

  private coarserPins(source: Source, level: number, {x, y}: {x: number; y: number}): Pin[] {
    for (let up = 1; level + up <= source.plane.bits; up++) {
      const {space, layer, plane} = source;
      const key = `${space} ${layer} ${plane.order} ${plane.clusters} ${level + up} ${Math.floor(x / 2 ** up)} ${Math.floor(y / 2 ** up)}`;
      const known = this.pins.peek(key);
      if (known !== null) {
        return known;
      }
    }
    return [];
  }

  /** The states of a cluster's subclusters, null while they are not known. */
  statesOf({space, layer}: Source, cluster: number, subclusters: number, clusters: number): Uint8Array | null {
    const first = Math.floor(cluster / STATE_RUN) * STATE_RUN;
    const count = Math.min(STATE_RUN, clusters - first);
    const all = this.states.get(`${space} ${layer} ${first}`, () =>
      this.engine.call('mapSubclusters', {space: space === 'guest' ? 'guest' : 'host', layer, first, count}),
    );
    const at = (cluster - first) * subclusters;
    return all === null || all.length < at + subclusters ? null : all.subarray(at, at + subclusters);
  }

  /** A byte of the file, null while it is not known. */
  byteOf(offset: number): number | null {
    const page = Math.floor(offset / PAGE);
    const bytes = this.pages.get(String(page), () => this.engine.call('bytes', {offset: page * PAGE, length: PAGE}));
    return bytes?.[offset - page * PAGE] ?? null;
  }

  /** Where the bytes of a guest cluster lie in the file; null while that is not known, -1 if they do not lie there as they are. */
  hostOf({layer}: Source, cluster: number): number | null {
    return this.hosts.get(`${layer} ${cluster}`, async () => {
      const reply = await this.engine.call('guestCluster', {cluster, layer});
      const own = reply.ok ? reply.value.entries[0] : undefined;
      const plain = own?.kind === 'data' && own.host !== '';
      return reply.ok ? {ok: true, value: plain ? Number(own.host) : -1} : reply;
    });
  }
}

function blocksIn({plane}: Source, level: number, part: Rect): {x: number; y: number}[] {
  const size = 2 ** Math.min(plane.bits, level + PIN_BLOCK_BITS);
  const side = 2 ** plane.bits;
  const blocks = [];
  for (let y = Math.max(0, Math.floor(part.y / size)); y * size < Math.min(side, part.y + part.height); y++) {
    for (let x = Math.max(0, Math.floor(part.x / size)); x * size < Math.min(side, part.x + part.width); x++) {
      blocks.push({x, y});
    }
  }
  return blocks;
}
