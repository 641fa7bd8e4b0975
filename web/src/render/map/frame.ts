import type {Camera, Screen} from '../../model/map/camera';
import {rampColour, rgbOf} from '../../model/map/colours';
import type {MapPalette} from '../../model/map/colours';
import type {ColourBy, Look, MapSpace} from '../../model/map/kinds';
import {rowLength} from '../../model/map/plane';
import type {Plane, TilePlace} from '../../model/map/plane';
import {TEXTURES} from '../../model/owners';

/** The first byte of what lies behind the last cluster. */
export const PAST_END = 255;

/** Cells that have been read, and where they lie. */
export interface Tile {
  place: TilePlace;
  cells: Uint8Array<ArrayBuffer>;
}

/** All that a picture of the cells depends on. */
export interface Frame {
  plane: Plane;
  camera: Camera;
  screen: Screen;
  /** Pixels of the device for one of CSS. */
  ratio: number;
  /** Coarse ones first: they show until finer ones have come. */
  tiles: readonly Tile[];
  mode: Mode;
  table: ColourTable;
  page: string;
}

/** What of a cell is looked up in the table. The numbers are those in the shader. */
const MODES = {kind: 0, health: 1, references: 2, place: 3, ownPlace: 4} as const;
type Mode = (typeof MODES)[keyof typeof MODES];

export function modeOf(space: MapSpace, by: ColourBy): Mode {
  switch (by) {
    case 'health':
      return MODES.health;
    case 'references':
      return space === 'host' ? MODES.references : MODES.kind;
    case 'order':
      return space === 'host' ? MODES.place : MODES.ownPlace;
    case 'owner':
    case 'layer':
    case 'dirty':
      return MODES.kind;
  }
}

/** 256 entries of red, green, blue, and a texture with a flag for what a filter leaves out. */
export type ColourTable = Uint8Array<ArrayBuffer>;

export const DIMMED_FLAG = 0x80;
/** How much of its colour a cell keeps that a filter leaves out, and one that is nearly empty. */
export const DIMMED = 0.16;
export const LIGHTEST = 0.45;

/** The colours of looks; those whose index is not in the filter are dimmed, unless it is empty. */
export function colourTable(looks: readonly Look[], filter: readonly number[]): ColourTable {
  const table = new Uint8Array(256 * 4);
  for (const {index, fill, texture} of looks) {
    const dimmed = filter.length > 0 && !filter.includes(index);
    table.set([...rgbOf(fill), TEXTURES.indexOf(texture) | (dimmed ? DIMMED_FLAG : 0)], index * 4);
  }
  return table;
}

/** The colours of places on the disk. */
export function orderTable(palette: MapPalette): ColourTable {
  const table = new Uint8Array(256 * 4);
  table.set([...rgbOf(palette.fills.free), 0], 0);
  for (let place = 1; place < 256; place++) {
    table.set([...rampColour(palette.order, (place - 1) / 254), 0], place * 4);
  }
  return table;
}

/** The index in the table of a cell, as the shader finds it. */
export function tableIndex(mode: Mode, first: number, second: number, share: () => number): number {
  switch (mode) {
    case MODES.kind:
      return first & 31;
    case MODES.health:
      return first >> 5 === 0 ? Math.min(1, first & 31) : 1 + (first >> 5);
    case MODES.references:
      return second & 15;
    case MODES.place:
      return second;
    case MODES.ownPlace:
      return (first & 31) === 0 ? 0 : 1 + Math.floor(254 * share());
  }
}

/** How much of its colour a cell keeps: little that is in use is light, and so is what is scattered. */
export function strength(mode: Mode, first: number, second: number): number {
  switch (mode) {
    case MODES.place:
      return 1 - ((1 - LIGHTEST) * (first >> 5)) / 7;
    case MODES.ownPlace:
      return 1;
    default:
      return (first & 31) === 0 ? 1 : LIGHTEST + ((1 - LIGHTEST) * (second >> 4)) / 15;
  }
}

/** Where on the disk a tile's cells lie: the share of the first, and how much each further one adds. */
export function placesIn({plane}: Frame, {level, x, y, side, bits}: TilePlace, curve: number): {first: number; right: number; down: number} {
  const per = 4 ** level / plane.clusters;
  if (plane.order === 'hilbert') {
    return {first: curve * 4 ** bits * per, right: per, down: 0};
  }
  const row = (2 ** plane.bits * 2 ** level) / plane.clusters;
  return {first: y * side * row + (x * side * 2 ** level) / plane.clusters, right: 2 ** level / plane.clusters, down: row};
}

/** How a tile's bytes lie: cells in a row, and rows. */
export function byteSize(plane: Plane, {place, cells}: Tile): {width: number; height: number} {
  const count = cells.length / 2;
  const width = Math.max(1, Math.min(count, rowLength(plane, place)));
  return {width, height: count / width};
}
