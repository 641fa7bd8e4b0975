import {rgbOf} from '../../model/map/colours';
import {hilbertPoint} from '../../model/map/hilbert';
import {nameOf} from '../../model/map/plane';
import {byteSize, DIMMED, DIMMED_FLAG, PAST_END, placesIn, strength, tableIndex} from './frame';
import type {Frame, Tile} from './frame';
import type {CellPainter} from './painter';

const MOST_IMAGES = 8;

/** A tile as an image, a pixel a cell, in the colours of a table. */
interface TileImage {
  canvas: HTMLCanvasElement;
  key: string;
}

/** The cells without WebGL: each tile is coloured once for a table, and then drawn as an image. */
export class FlatPainter implements CellPainter {
  private readonly images = new Map<Uint8Array, TileImage>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly context: CanvasRenderingContext2D,
  ) {}

  paint(frame: Frame): void {
    const {context, canvas} = this;
    const {camera, ratio} = frame;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = frame.page;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    const key = `${frame.mode} ${frame.page} ${frame.table.join()}`;
    for (const tile of frame.tiles) {
      const image = this.imageOf(frame, tile, key);
      const {level, x, y, side} = tile.place;
      const cell = camera.scale * 2 ** level * ratio;
      const left = (x * side - camera.x / 2 ** level) * cell;
      const top = (y * side - camera.y / 2 ** level) * cell;
      // Only the part on screen: browsers refuse images that are stretched beyond all measure.
      const from = {x: Math.max(0, Math.floor(-left / cell)), y: Math.max(0, Math.floor(-top / cell))};
      const to = {
        x: Math.min(image.width, Math.ceil((canvas.width - left) / cell)),
        y: Math.min(image.height, Math.ceil((canvas.height - top) / cell)),
      };
      const [width, height] = [to.x - from.x, to.y - from.y];
      if (width > 0 && height > 0) {
        context.drawImage(image, from.x, from.y, width, height, left + from.x * cell, top + from.y * cell, width * cell, height * cell);
      }
    }
    this.paintGaps(frame);
  }

  /** Large cells are set apart. */
  private paintGaps({camera, ratio, page, plane}: Frame): void {
    const cell = camera.scale * ratio;
    if (camera.scale < 10 || plane.clusters === 0) {
      return;
    }
    const {context, canvas} = this;
    context.strokeStyle = page;
    context.lineWidth = ratio * (camera.scale >= 24 ? 2 : 1);
    context.beginPath();
    for (let x = Math.ceil(camera.x); (x - camera.x) * cell < canvas.width; x++) {
      context.moveTo((x - camera.x) * cell, 0);
      context.lineTo((x - camera.x) * cell, canvas.height);
    }
    for (let y = Math.ceil(camera.y); (y - camera.y) * cell < canvas.height; y++) {
      context.moveTo(0, (y - camera.y) * cell);
      context.lineTo(canvas.width, (y - camera.y) * cell);
    }
    context.stroke();
  }

  private imageOf(frame: Frame, tile: Tile, key: string): HTMLCanvasElement {
    const known = this.images.get(tile.cells);
    if (known?.key === key) {
      return known.canvas;
    }
    const canvas = known?.canvas ?? document.createElement('canvas');
    const along = frame.plane.order === 'hilbert';
    const {side} = tile.place;
    const {width, height} = along ? {width: side, height: side} : byteSize(frame.plane, tile);
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d');
    if (context !== null) {
      const image = context.createImageData(canvas.width, canvas.height);
      colour(frame, tile, image);
      context.putImageData(image, 0, 0);
    }
    this.images.delete(tile.cells);
    this.images.set(tile.cells, {canvas, key});
    const [oldest] = this.images.keys();
    if (this.images.size > MOST_IMAGES && oldest !== undefined) {
      this.images.delete(oldest);
    }
    return canvas;
  }

  forget(cells: Uint8Array): void {
    this.images.delete(cells);
  }

  end(): void {
    this.images.clear();
  }
}

/** Colours an image of a tile, a pixel a cell. */
function colour(frame: Frame, tile: Tile, image: ImageData): void {
  const {plane, table} = frame;
  const {cells, place} = tile;
  const page = rgbOf(frame.page);
  const along = plane.order === 'hilbert';
  const {first, right, down} = placesIn(frame, place, along ? nameOf(plane, {...place, level: place.level + place.bits}).x : 0);
  for (let i = 0; i < cells.length / 2; i++) {
    const [a, b] = [cells[2 * i] ?? PAST_END, cells[2 * i + 1] ?? 0];
    if (a === PAST_END) {
      continue;
    }
    const at = along ? curvePoint(tile, i) : {x: i % image.width, y: Math.floor(i / image.width)};
    const share = () => (along ? first + right * i : first + right * at.x + down * at.y);
    const entry = 4 * tableIndex(frame.mode, a, b, share);
    const dimmed = ((table[entry + 3] ?? 0) & DIMMED_FLAG) !== 0;
    const keep = strength(frame.mode, a, b) * (dimmed ? DIMMED : 1);
    const pixel = 4 * (at.y * image.width + at.x);
    for (let c = 0; c < 3; c++) {
      const ground = page[c] ?? 0;
      image.data[pixel + c] = ground + keep * ((table[entry + c] ?? 0) - ground);
    }
    image.data[pixel + 3] = 255;
  }
}

/** Where the curve is in a tile after so many steps. */
function curvePoint({place}: Tile, index: number): {x: number; y: number} {
  const {x, y} = hilbertPoint(place.bits, index);
  const [a, b] = place.turn.swap ? [y, x] : [x, y];
  const far = place.side - 1;
  return place.turn.flip ? {x: far - a, y: far - b} : {x: a, y: b};
}
