import {DARK, LIGHT} from '../palette';
import type {Palette} from '../palette';
import type {GUEST_KINDS} from './kinds';

/** All colours of the map. The fills of owners are measured in palette.test.ts, the others in colours.test.ts. */
export interface MapPalette extends Palette {
  guest: Record<(typeof GUEST_KINDS)[number], string>;
  /** What is fine, and then the severities from note to danger. */
  health: readonly string[];
  /** By number of references, see REFERENCE_STEPS. */
  references: readonly string[];
  /** From the start of the disk to its end. */
  order: readonly string[];
}

/** The severities have hues that are known to be apart. */
function healthOf({fills, ink}: Palette): string[] {
  return [fills.snapshot, fills.active, fills.leaked, fills.mapping, fills.refcount, ink];
}

const LIGHT_MAP: MapPalette = {
  ...LIGHT,
  guest: {
    nothing: LIGHT.fills.free,
    data: LIGHT.fills.active,
    compressed: LIGHT.fills.other,
    zero: '#6b9bb4',
    unreadable: LIGHT.fills.refcount,
    unknown: LIGHT.fills.leaked,
  },
  health: healthOf(LIGHT),
  references: ['#e4e4e4', '#8fbcd8', '#3f8fc0', '#1f73a8', '#005a9c', '#00477d', '#003760', '#002847', '#001b31', '#000f1c'],
  order: ['#00224e', '#35456c', '#666970', '#948e77', '#c8b866', '#f0d000'],
};

const DARK_MAP: MapPalette = {
  ...DARK,
  guest: {
    nothing: DARK.fills.free,
    data: DARK.fills.active,
    compressed: DARK.fills.other,
    zero: '#a9c4d6',
    unreadable: DARK.fills.refcount,
    unknown: DARK.fills.leaked,
  },
  health: healthOf(DARK),
  references: ['#2a2e33', '#1f5a80', '#2f7fb0', '#3d9bd9', '#63b4e8', '#8acaf2', '#aedcf8', '#cbe9fb', '#e2f3fd', '#f6fbff'],
  order: ['#3557a8', '#50679a', '#7d7f8c', '#a9a07c', '#d6c465', '#ffea4a'],
};

export function mapPalette(palette: Palette): MapPalette {
  return palette === DARK ? DARK_MAP : LIGHT_MAP;
}

type Rgb = [number, number, number];

export function rgbOf(hex: string): Rgb {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** A colour between those of a ramp; share is from 0 to 1. */
export function rampColour(ramp: readonly string[], share: number): Rgb {
  const at = Math.max(0, Math.min(1, share)) * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(at));
  const [a, b] = [rgbOf(ramp[low] ?? '#000000'), rgbOf(ramp[low + 1] ?? '#000000')];
  const part = at - low;
  return [0, 1, 2].map((i) => Math.round((a[i] ?? 0) + part * ((b[i] ?? 0) - (a[i] ?? 0)))) as Rgb;
}
