import type {Severity} from './severity';

/**
 * The shape of each severity as a path in a square of 16, to be filled by the even-odd rule. The page and the map draw
 * the same shapes, so that they can be told apart without colour.
 */
export const SHAPE_SIZE = 16;

export const SEVERITY_SHAPES: Record<Severity, string> = {
  danger:
    'M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8z M5.3 4.1 8 6.8l2.7-2.7 1.2 1.2L9.2 8l2.7 2.7-1.2 1.2L8 9.2l-2.7 2.7-1.2-1.2L6.8 8 4.1 5.3z',
  damage: 'M8 1.2 15.6 14.8H.4z M7.1 5.8v4.6h1.8V5.8z M7.1 11.4v1.8h1.8v-1.8z',
  warning: 'M8 .6 15.4 8 8 15.4.6 8z M7.1 4.2v4.6h1.8V4.2z M7.1 9.8v1.8h1.8V9.8z',
  waste: 'M1 5.2h14v5.6H1z',
  note: 'M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z M8 2.8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8z M7.2 7v4.4h1.6V7z M7.2 4.4v1.7h1.6V4.4z',
  none: 'M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8z M6.9 11.7 3.5 8.3l1.2-1.2 2.2 2.2 4.5-4.6 1.2 1.2z',
};
