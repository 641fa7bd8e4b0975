import type {Palette} from '../../model/palette';

/** The map's fills as custom properties, for the style sheet to tint with. */
export function familyColours(palette: Palette): Record<string, string> {
  return Object.fromEntries(Object.entries(palette.fills).map(([family, fill]) => [`--f-${family}`, fill]));
}
