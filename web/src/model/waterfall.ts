import type {LayersSizes} from '../protocol/protocol.gen';
import type {Owner} from './owners';

/** A row of the waterfall: a bar that begins where the one before ends. */
export interface Fall {
  key: string;
  label: string;
  meaning: string;
  /** Bytes of a total; else what the step adds, below zero for what it takes off. */
  bytes: number;
  shape: 'total' | 'less' | 'more';
  /** Whose fill the bar has; what is taken off has none. */
  owner: Owner;
  /** Where the bar begins and ends, from 0 to 1 of its row. */
  from: number;
  to: number;
}

/** The waterfall. Where the file is far smaller than its disk, its lower part is drawn larger. */
interface Falls {
  upper: Fall[];
  lower: Fall[];
  /** How many times as large the lower part is drawn. */
  zoom: number;
}

/** Steps up to this one tell what of the disk is in the file; the others what else is. */
const DISK_STEPS: ReadonlySet<string> = new Set(['unwritten', 'zeros', 'compressed', 'data-file', 'rounding']);

const OWNERS: Record<string, Owner> = {
  compressed: 'compressed',
  rounding: 'data',
  beyond: 'hole',
  snapshots: 'snapshot-data',
  'vm-states': 'snapshot-data',
  mapping: 'l2',
  'snapshot-tables': 'snapshot-l2',
  refcounts: 'refblock',
  header: 'header',
  encryption: 'crypto',
  bitmaps: 'bitmap',
  leaked: 'leaked',
  damage: 'hole',
};

/** A smaller part than this of the larger one would not be seen. */
const LEAST = 1 / 8;

export function fallsOf(sizes: LayersSizes): Falls {
  const upper = sizes.steps.filter(({kind}) => DISK_STEPS.has(kind));
  const lower = sizes.steps.filter(({kind}) => !DISK_STEPS.has(kind));
  const upperMost = highest(sizes.virtual, upper);
  const lowerMost = Math.max(highest(sizes.stored, lower), sizes.file);
  const zoomed = lowerMost < upperMost * LEAST;
  const lowerScale = zoomed ? lowerMost : Math.max(upperMost, lowerMost);
  const upperScale = zoomed ? upperMost : lowerScale;
  const disk = total('disk', 'The disk, as the guest sees it', sizes.virtual, upperScale);
  const stored = total('stored', 'of that in this file', sizes.stored, lowerScale);
  const file = total('file', 'The file', sizes.file, lowerScale);
  return {
    upper: [disk, ...steps(upper, sizes.virtual, upperScale)],
    lower: [stored, ...steps(lower, sizes.stored, lowerScale), file],
    zoom: zoomed ? upperScale / Math.max(1, lowerScale) : 1,
  };
}

/** The highest that is reached on the way. */
function highest(from: number, steps: LayersSizes['steps']): number {
  let [at, most] = [from, from];
  for (const {bytes} of steps) {
    at += bytes;
    most = Math.max(most, at);
  }
  return most;
}

function total(key: string, label: string, bytes: number, scale: number): Fall {
  return {key, label, meaning: '', bytes, shape: 'total', owner: 'data', from: 0, to: part(bytes, scale)};
}

function steps(all: LayersSizes['steps'], start: number, scale: number): Fall[] {
  let at = start;
  return all.map(({kind, label, meaning, bytes}) => {
    const [low, high] = bytes < 0 ? [at + bytes, at] : [at, at + bytes];
    at += bytes;
    return {
      key: kind,
      label,
      meaning,
      bytes,
      shape: bytes < 0 ? 'less' : 'more',
      owner: OWNERS[kind] ?? 'free',
      from: part(low, scale),
      to: part(high, scale),
    };
  });
}

function part(bytes: number, scale: number): number {
  return scale <= 0 ? 0 : Math.min(1, Math.max(0, bytes / scale));
}
