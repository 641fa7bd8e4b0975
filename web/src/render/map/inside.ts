import {byteRect, byteSize, subclusterRect} from '../../model/map/grain';
import type {Inside} from '../../model/map/grain';
import type {Look} from '../../model/map/kinds';
import type {Rect} from '../../model/map/plane';
import {STATE_FACTS, SUBCLUSTER_STATES} from '../../model/map/states';
import {chip, eachCluster, letters, MONO} from './scene';
import type {Overlay} from './scene';

/** Clusters as their subclusters; without extended L2 entries a cluster is one block. */
export function paintSplit(context: CanvasRenderingContext2D, scene: Overlay): void {
  eachCluster(scene, (cluster, rect) => {
    const look = scene.lookOf(cluster);
    if (look === null) {
      return;
    }
    context.save();
    context.beginPath();
    context.rect(rect.x + 1, rect.y + 1, rect.width - 2, rect.height - 2);
    context.clip();
    const states = scene.inside.subclusters > 1 ? scene.statesOf(cluster) : null;
    const split = states !== null && SUBCLUSTER_STATES[states[0] ?? 0] !== 'none' && SUBCLUSTER_STATES[states[0] ?? 0] !== 'compressed';
    if (split) {
      for (const [index, state] of states.entries()) {
        paintState(context, scene, look, partOf(rect, subclusterRect(scene.inside, index)), state);
      }
    } else {
      context.font = `600 22px ${MONO}`;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      letters(context, scene, look, look.letters, rect.x + rect.width / 2, rect.y + rect.height / 2);
    }
    context.font = `600 11px ${MONO}`;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    const title = look.letters === '' || split ? '' : `${look.letters}  `;
    chip(context, scene.palette, title + scene.offsetText(cluster), Math.max(4, rect.x + 6), Math.max(12, rect.y + 14));
    context.restore();
  });
}

function partOf(rect: Rect, share: Rect): Rect {
  return {
    x: rect.x + share.x * rect.width,
    y: rect.y + share.y * rect.height,
    width: share.width * rect.width,
    height: share.height * rect.height,
  };
}

function paintState(context: CanvasRenderingContext2D, scene: Overlay, look: Look, rect: Rect, state: number): void {
  const {palette} = scene;
  const facts = STATE_FACTS[SUBCLUSTER_STATES[state] ?? 'none'];
  const [x, y, width, height] = [rect.x + 1, rect.y + 1, rect.width - 2, rect.height - 2];
  if (facts.shown !== 'fill') {
    context.fillStyle = facts.shown === 'ink' ? palette.ink : palette.page;
    context.fillRect(x, y, width, height);
  }
  if (facts.shown === 'hatched') {
    hatch(context, look.fill, {x, y, width, height});
  }
  context.strokeStyle = facts.shown === 'fill' ? palette.page : look.fill;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  const size = Math.min(width, height);
  if (size < 11) {
    return;
  }
  context.font = `600 ${Math.max(9, Math.min(20, size * 0.5))}px ${MONO}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  if (facts.shown === 'fill') {
    letters(context, scene, look, facts.letter, rect.x + rect.width / 2, rect.y + rect.height / 2);
  } else {
    context.lineWidth = 4;
    context.strokeStyle = facts.shown === 'ink' ? palette.ink : palette.page;
    context.strokeText(facts.letter, rect.x + rect.width / 2, rect.y + rect.height / 2);
    context.fillStyle = facts.shown === 'ink' ? palette.page : palette.ink;
    context.fillText(facts.letter, rect.x + rect.width / 2, rect.y + rect.height / 2);
  }
}

function hatch(context: CanvasRenderingContext2D, colour: string, {x, y, width, height}: Rect): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let at = -height; at < width; at += 6) {
    context.moveTo(x + at, y + height);
    context.lineTo(x + at + height, y);
  }
  context.stroke();
  context.restore();
}

const HEX = Array.from({length: 256}, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The bytes of clusters as digits, each where it lies in its cluster. */
export function paintBytes(context: CanvasRenderingContext2D, scene: Overlay): void {
  const size = byteSize(scene.inside, scene.camera.scale);
  eachCluster(scene, (cluster, rect) => {
    const look = scene.lookOf(cluster);
    veil(context, scene, rect);
    context.font = `500 ${Math.min(13, size * 0.58)}px ${MONO}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    eachByte(scene, rect, (offset, at) => {
      const byte = scene.byteOf(cluster, offset);
      if (byte !== null) {
        context.globalAlpha = byte === 0 ? 0.45 : 1;
        context.fillStyle = scene.palette.ink;
        context.fillText(HEX[byte] ?? '', at.x + at.width / 2, at.y + at.height / 2);
      }
    });
    context.globalAlpha = 1;
    edges(context, scene, look, rect);
    rowAddresses(context, scene, cluster, rect);
  });
}

/** The fill becomes a tint, so that digits can be read on it. */
function veil(context: CanvasRenderingContext2D, {palette, screen}: Overlay, rect: Rect): void {
  const [left, top] = [Math.max(0, rect.x), Math.max(0, rect.y)];
  context.globalAlpha = 0.88;
  context.fillStyle = palette.page;
  context.fillRect(left, top, Math.min(screen.width, rect.x + rect.width) - left, Math.min(screen.height, rect.y + rect.height) - top);
  context.globalAlpha = 1;
}

/** Visits the bytes of a cluster that are on screen. */
function eachByte({inside, screen}: Overlay, cluster: Rect, visit: (offset: number, at: Rect) => void): void {
  const unit = byteRect(inside, 0);
  const [width, height] = [unit.width * cluster.width, unit.height * cluster.height];
  const right = Math.min(1 / unit.width, Math.ceil((screen.width - cluster.x) / width));
  const bottom = Math.min(1 / unit.height, Math.ceil((screen.height - cluster.y) / height));
  for (let row = Math.max(0, Math.floor(-cluster.y / height)); row < bottom; row++) {
    for (let column = Math.max(0, Math.floor(-cluster.x / width)); column < right; column++) {
      const at = {x: cluster.x + column * width, y: cluster.y + row * height, width, height};
      visit(offsetOf(inside, column, row), at);
    }
  }
}

function offsetOf(inside: Inside, column: number, row: number): number {
  const columns = 1 / byteRect(inside, 0).width;
  if (inside.subclusters === 1) {
    return row * columns + column;
  }
  const block = subclusterRect(inside, 0);
  const wide = columns * block.width;
  const high = block.height / byteRect(inside, 0).height;
  const index = Math.floor(row / high) * (1 / block.width) + Math.floor(column / wide);
  return index * wide * high + (row % high) * wide + (column % wide);
}

/** The borders of the cluster and of its subclusters. */
function edges(context: CanvasRenderingContext2D, scene: Overlay, look: Look | null, rect: Rect): void {
  context.strokeStyle = look?.fill ?? scene.palette.ink;
  context.lineWidth = 2;
  for (let index = 0; index < scene.inside.subclusters; index++) {
    const part = partOf(rect, subclusterRect(scene.inside, index));
    context.strokeRect(part.x + 1, part.y + 1, part.width - 2, part.height - 2);
  }
}

/** Every fourth row says where it begins on screen. */
function rowAddresses(context: CanvasRenderingContext2D, scene: Overlay, cluster: number, rect: Rect): void {
  const {inside, screen, palette} = scene;
  const unit = byteRect(inside, 0);
  const height = unit.height * rect.height;
  const left = Math.max(0, Math.ceil(-rect.x / (unit.width * rect.width)));
  context.font = `500 10px ${MONO}`;
  context.textAlign = 'left';
  const bottom = Math.min(1 / unit.height, Math.ceil((screen.height - rect.y) / height));
  for (let row = Math.ceil(Math.max(0, -rect.y / height) / 4) * 4; row < bottom; row += 4) {
    chip(context, palette, scene.offsetText(cluster, offsetOf(inside, left, row)), Math.max(2, rect.x + 2), rect.y + row * height + 8);
  }
}
