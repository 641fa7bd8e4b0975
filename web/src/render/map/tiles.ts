import type {Result} from '../../base/result';
import {nameOf, placeInTile} from '../../model/map/plane';
import type {Cell, Plane, TilePlace} from '../../model/map/plane';
import type {MapTileRequest, Problem} from '../../protocol/protocol.gen';
import {PAST_END} from './frame';
import type {Tile} from './frame';

/** Whose cells: a space and, of guests, a layer, laid out on a plane. */
export interface Source {
  space: 'host' | 'links' | 'guest' | 'dirty';
  /** Of space `dirty` a bitmap. */
  layer: number;
  plane: Plane;
}

type ReadTile = (request: MapTileRequest) => Promise<Result<Uint8Array<ArrayBuffer>, Problem>>;

/** Bounds the memory of a map: with 2 MiB a tile, and the same again on the graphics card. */
const MOST_TILES = 16;
const IN_FLIGHT = 2;

export interface Wanted {
  source: Source;
  place: TilePlace;
}

/**
 * Tiles that have been read, those used last kept. One store belongs to one state of one image; a tile that cannot be
 * read is not asked for again.
 */
export class TileStore {
  private readonly tiles = new Map<string, Tile | 'failed'>();
  private readonly asked = new Set<string>();
  private wanted: readonly Wanted[] = [];
  private ended = false;

  /**
   * @param loaded called when a tile has come, or could not be read
   * @param dropped called when cells are no longer kept
   */
  constructor(
    private readonly read: ReadTile,
    private readonly loaded: (problem: Problem | null) => void,
    private readonly dropped: (cells: Uint8Array) => void,
  ) {}

  /** Tiles are on their way. */
  get busy(): boolean {
    return this.asked.size > 0;
  }

  get(source: Source, place: TilePlace): Tile | null {
    const tile = this.tiles.get(keyOf(source, place));
    return tile === undefined || tile === 'failed' ? null : tile;
  }

  /** The two bytes of a cell, null while they are not known, or where there is none. */
  cell(source: Source, {level, x, y}: Cell): [number, number] | null {
    const tile = this.get(source, tileAround(source.plane, level, x, y));
    if (tile === null) {
      return null;
    }
    const side = tile.place.side;
    const i = 2 * placeInTile(source.plane, tile.place, x % side, y % side);
    const [first, second] = [tile.cells[i], tile.cells[i + 1]];
    return first === undefined || second === undefined || first === PAST_END ? null : [first, second];
  }

  /** Says which tiles are on screen, the most urgent first: these are read next, and no others. */
  want(wanted: readonly Wanted[]): void {
    this.wanted = wanted;
    for (const {source, place} of [...wanted].reverse()) {
      this.touch(keyOf(source, place));
    }
    this.pump();
  }

  end(): void {
    this.ended = true;
    this.wanted = [];
    for (const tile of this.tiles.values()) {
      this.drop(tile);
    }
    this.tiles.clear();
  }

  /** Put last, so that it is dropped last. */
  private touch(key: string): void {
    const tile = this.tiles.get(key);
    if (tile !== undefined) {
      this.tiles.delete(key);
      this.tiles.set(key, tile);
    }
  }

  private pump(): void {
    for (const {source, place} of this.wanted) {
      const key = keyOf(source, place);
      if (this.asked.size < IN_FLIGHT && !this.tiles.has(key) && !this.asked.has(key)) {
        this.asked.add(key);
        void this.load(key, source, place);
      }
    }
  }

  private async load(key: string, source: Source, place: TilePlace): Promise<void> {
    const reply = await this.read(requestFor(source, place));
    this.asked.delete(key);
    if (this.ended) {
      return;
    }
    this.tiles.set(key, reply.ok ? {place, cells: reply.value} : 'failed');
    const [oldest] = this.tiles.keys();
    if (this.tiles.size > MOST_TILES && oldest !== undefined) {
      this.drop(this.tiles.get(oldest));
      this.tiles.delete(oldest);
    }
    this.loaded(reply.ok ? null : reply.error);
    this.pump();
  }

  private drop(tile: Tile | 'failed' | undefined): void {
    if (tile !== undefined && tile !== 'failed') {
      this.dropped(tile.cells);
    }
  }
}

function requestFor({space, layer, plane}: Source, place: TilePlace): MapTileRequest {
  const {level, bits} = place;
  const {x, y} = nameOf(plane, {level: level + bits, x: place.x, y: place.y});
  return {space, layer, order: orderName(plane), level, x, y, clusters: plane.clusters};
}

export function orderName({order}: Plane): string {
  return order === 'hilbert' ? 'along' : 'rows';
}

/** The name of the tile that holds a cell. Its turn is not needed to find it. */
function tileAround(plane: Plane, level: number, x: number, y: number): TilePlace {
  const bits = Math.min(10, plane.bits - level);
  const side = 2 ** bits;
  return {level, x: Math.floor(x / side), y: Math.floor(y / side), side, bits, turn: {flip: false, swap: false}};
}

function keyOf({space, layer, plane}: Source, {level, x, y}: TilePlace): string {
  return `${space} ${layer} ${plane.order} ${plane.clusters} ${level} ${x} ${y}`;
}
