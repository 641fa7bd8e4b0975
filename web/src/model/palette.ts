import type {Family} from './owners';

/** Colours of the map, measured in palette.test.ts: apart for all kinds of colour vision, and against the page. */
export interface Palette {
  page: string;
  /** Marks and outlines over any fill. */
  ink: string;
  /** Letters on fills, which have a rim in the fill's colour. */
  letters: string;
  fills: Record<Family, string>;
}

export const LIGHT: Palette = {
  page: '#ffffff',
  ink: '#000000',
  letters: '#ffffff',
  fills: {
    active: '#005a9c',
    snapshot: '#2ca58d',
    mapping: '#b87800',
    refcount: '#9c1f5f',
    other: '#2a1570',
    leaked: '#602010',
    free: '#e4e4e4',
  },
};

export const DARK: Palette = {
  page: '#101418',
  ink: '#ffffff',
  letters: '#0a0d10',
  fills: {
    active: '#3d9bd9',
    snapshot: '#7fd6b0',
    mapping: '#d99a00',
    refcount: '#c23b80',
    other: '#6f4fd0',
    leaked: '#886000',
    free: '#2a2e33',
  },
};
