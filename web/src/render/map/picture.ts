import type {MapPalette} from '../../model/map/colours';
import {grainOf, grainRect, spotAt, stageOf} from '../../model/map/grain';
import type {Spot, Stage} from '../../model/map/grain';
import type {ColourBy, Look, MapSpace} from '../../model/map/kinds';
import {fitScale, planePoint, shownPart} from '../../model/map/camera';
import {pinAt, placePins} from '../../model/map/pins';
import type {PlacedPin} from '../../model/map/pins';
import {pointOf, rectsOf, tilesIn} from '../../model/map/plane';
import type {Point, Rect} from '../../model/map/plane';
import type {Linked, LinkedBoth} from '../../state/mapdesk';
import {isWhole} from '../../state/viewpoint';
import type {Looking, Viewpoint} from '../../state/viewpoint';
import {paintAxis} from './axis';
import {CellCanvas} from './cell-canvas';
import {colourTable, modeOf, orderTable, tableIndex} from './frame';
import type {ColourTable, Frame} from './frame';
import {paintOverlay} from './overlay';
import type {MapReader} from './reader';
import type {Overlay} from './scene';
import {StripPainter, stripPlace} from './strip';
import type {Source} from './tiles';

/** What a map shows, wherever it looks. */
interface MapScene {
  /** The clusters themselves: what is picked, and where marks come from. */
  source: Source;
  /** What is coloured: the same, or the same by layer and order. */
  coloured: Source;
  by: ColourBy;
  palette: MapPalette;
  looks: readonly Look[];
  filter: readonly number[];
  reader: MapReader;
  /** The size of the file or disk, where its last cluster ends. */
  clusterSize: number;
  selected: number | null;
  linked: LinkedBoth;
  /** The map has the keyboard. */
  focused: boolean;
}

/** What the pointer is on. */
export interface Hit {
  spot: Spot;
  pin: PlacedPin | null;
}

/** Runs of the other map that are painted at most: many more would be nothing but noise. */
const MOST_RUNS = 160;

/** The picture of one map: draws a frame whenever something of it has changed. */
export class MapPicture {
  private readonly cells: CellCanvas;
  private readonly over: HTMLCanvasElement;
  private readonly strip: StripPainter;
  private readonly unsubscribe: () => void;
  private frame = 0;
  private scene: MapScene | null = null;
  private table: {of: MapScene; colours: ColourTable} | null = null;
  private links: {of: Linked | null; looking: Looking['plane']; rects: Rect[]}[] = [];
  private pins: PlacedPin[] = [];
  private pointer: Point | null = null;

  /**
   * @param holder the element that the picture fills
   * @param beside the canvases next to it: of the whole in a line, and of the offsets of rows
   */
  constructor(
    private readonly holder: HTMLElement,
    private readonly beside: {strip: HTMLCanvasElement; axis: HTMLCanvasElement},
    private readonly viewpoint: Viewpoint,
  ) {
    this.cells = new CellCanvas(holder, () => this.change());
    this.over = document.createElement('canvas');
    this.over.setAttribute('aria-hidden', 'true');
    holder.append(this.over);
    this.strip = new StripPainter(beside.strip);
    this.unsubscribe = viewpoint.now.subscribe(() => this.change());
  }

  show(scene: MapScene): void {
    this.scene = scene;
    this.change();
  }

  /** The pointer is at a point of the screen, or nowhere. */
  point(at: Point | null): void {
    this.pointer = at;
    this.change();
  }

  /** Something of the picture has changed: it is painted before the screen's next frame. */
  change(): void {
    if (this.frame === 0) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.paint();
      });
    }
  }

  forget(cells: Uint8Array): void {
    this.cells.forget(cells);
  }

  /** What lies at a point of the screen, null if nothing does. A mark counts for the cluster that it stands for. */
  hit(at: Point): Hit | null {
    const now = this.viewpoint.now.value;
    if (now === null) {
      return null;
    }
    const {plane, inside, camera} = now;
    const pin = camera.scale < 2 * 14 ? pinAt(this.pins, at.x, at.y) : null;
    if (pin !== null) {
      return {pin, spot: {cluster: pin.cluster, level: 0, offset: 0, length: 2 ** inside.clusterBits}};
    }
    const spot = spotAt(plane, inside, grainOf(plane, inside, camera.scale), planePoint(camera, at));
    return spot === null ? null : {spot, pin: null};
  }

  end(): void {
    this.unsubscribe();
    cancelAnimationFrame(this.frame);
    this.frame = -1; // what still comes must not paint
    this.cells.end();
    this.over.remove();
  }

  private paint(): void {
    const {scene, viewpoint} = this;
    const looking = viewpoint.now.value;
    if (scene === null || looking === null) {
      return;
    }
    const {camera, screen, plane} = looking;
    // The scene and what is looked at come from different places; for a moment they may not fit.
    if (plane !== scene.coloured.plane) {
      return;
    }
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(screen.width * ratio), Math.round(screen.height * ratio)];
    this.cells.size(width, height);
    if (this.over.width !== width || this.over.height !== height) {
      [this.over.width, this.over.height] = [width, height];
    }
    const {reader, coloured, palette} = scene;
    const mode = modeOf(coloured.space === 'guest' ? 'guest' : 'host', scene.by);
    const strip = stripPlace(plane);
    const others = [coloured, scene.source].map((source) => ({source, place: strip}));
    // What the words under the picture are about may be larger than the cells that are drawn.
    const spoken = tilesIn(plane, grainOf(plane, looking.inside, camera.scale).level, shownPart(camera, screen));
    const tiles = reader.tilesFor(coloured, camera, screen, [...others, ...spoken.map((place) => ({source: coloured, place}))]);
    const frame: Frame = {plane, camera, screen, ratio, tiles, mode, table: this.colours(scene), page: palette.page};
    this.cells.paint(frame);
    this.pins = placePins(plane, camera, screen, reader.pinsFor(scene.source, camera, screen));
    const context = this.over.getContext('2d');
    if (context !== null) {
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintOverlay(context, this.overlay(scene, looking, frame));
    }
    this.holder.ariaBusy = String(reader.busy);
    if (plane.order === 'rows') {
      paintAxis(this.beside.axis, frame, palette, scene.clusterSize);
    }
    this.strip.paint({
      frame,
      palette,
      cells: reader.tiles.get(coloured, strip),
      marks: reader.tiles.get(scene.source, strip),
      wholeShown: isWhole(looking),
      hovered: this.pointer === null ? null : (this.hit(this.pointer)?.spot.cluster ?? null),
      selected: scene.selected,
    });
  }

  private colours(scene: MapScene): ColourTable {
    const known = this.table;
    if (known !== null && sameColours(known.of, scene)) {
      return known.colours;
    }
    const colours = scene.by === 'order' ? orderTable(scene.palette) : colourTable(scene.looks, scene.filter);
    this.table = {of: scene, colours};
    return colours;
  }

  private overlay(scene: MapScene, looking: Looking, {mode}: Frame): Overlay {
    const {plane, camera, screen, inside, cursor} = looking;
    const {reader, coloured, looks, filter, palette, source} = scene;
    const grain = grainOf(plane, inside, camera.scale);
    const lookOf = (cluster: number) => {
      const bytes = reader.cluster(coloured, pointOf(plane, cluster));
      if (bytes === null) {
        return null;
      }
      const index = tableIndex(mode, bytes[0], bytes[1], () => cluster / plane.clusters);
      return scene.by === 'order' ? orderLook(this.colours(scene), index) : (looks[index] ?? looks.find((look) => look.index === index) ?? null);
    };
    const rectAt = (point: Point | null) => (point === null ? null : grainRect(grain, point));
    const under = this.pointer === null || this.hit(this.pointer) === null ? null : planePoint(camera, this.pointer);
    const guest = source.space === 'guest';
    return {
      plane, camera, screen, palette, inside, lookOf,
      stage: stageNow(looking),
      dimmed: (look) => filter.length > 0 && !filter.includes(look.index),
      statesOf: (cluster) => reader.statesOf(source, cluster, inside.subclusters, plane.clusters),
      byteOf: (cluster, offset) => (guest ? guestByte(scene, cluster, offset) : reader.byteOf(cluster * scene.clusterSize + offset)),
      offsetText: (cluster, within = 0) => `0x${(cluster * scene.clusterSize + within).toString(16)}`,
      pins: this.pins,
      selected: scene.selected === null ? [] : rectsOf(plane, scene.selected, 1),
      linked: [
        {rects: this.rectsOf(0, looking, scene.linked.selected, source.space as MapSpace), strong: true},
        {rects: this.rectsOf(1, looking, scene.linked.hovered, source.space as MapSpace), strong: false},
      ],
      written: this.rectsOf(2, looking, scene.linked.written, source.space as MapSpace),
      cursor: scene.focused ? rectAt(cursor) : null,
      hovered: rectAt(under),
    };
  }

  /** Where linked clusters lie; kept while they and the plane are the same. */
  private rectsOf(slot: number, {plane}: Looking, linked: Linked | null, space: MapSpace): Rect[] {
    const known = this.links[slot];
    if (known?.of === linked && known.looking === plane) {
      return known.rects;
    }
    const runs = linked?.space === space ? linked.runs.slice(0, MOST_RUNS) : [];
    const rects = runs.filter(({first}) => first < plane.clusters).flatMap(({first, count}) => rectsOf(plane, first, count));
    this.links[slot] = {of: linked, looking: plane, rects};
    return rects;
  }
}

function sameColours(a: MapScene, b: MapScene): boolean {
  return a.looks === b.looks && a.filter === b.filter && a.palette === b.palette && a.by === b.by;
}

/** A byte of the disk, where the file has it as it is. */
function guestByte({reader, source, clusterSize}: MapScene, cluster: number, offset: number): number | null {
  const host = reader.hostOf(source, cluster);
  return host === null || host < 0 || host % clusterSize !== 0 ? null : reader.byteOf(host + offset);
}

function orderLook(table: ColourTable, index: number): Look {
  const hex = [0, 1, 2].map((i) => (table[4 * index + i] ?? 0).toString(16).padStart(2, '0')).join('');
  return {index, label: '', meaning: '', letters: '', fill: `#${hex}`, texture: 'plain'};
}

/** The stage that a map is at. */
export function stageNow(looking: Looking): Stage {
  return stageOf(looking.plane, looking.inside, looking.camera.scale, fitScale(looking.bounds, looking.screen));
}
