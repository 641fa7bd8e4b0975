import type {Texture} from '../model/owners';

/** Side of a texture in CSS pixels. */
const SIDE = 6;

/** A fill of the map: a colour, and lines over it in the colour of the page. */
interface TexturedFill {
  fill: string;
  texture: Texture;
  page: string;
}

/**
 * One tile of a fill as the address of a picture, to be repeated as a background. A picture is shared by all that show
 * it; a canvas each would be a surface of its own in every frame of the page.
 */
export function tileAddress({fill, texture, page}: TexturedFill): string {
  const size = `width="${SIDE}" height="${SIDE}"`;
  const drawn = `<g stroke="${page}" stroke-width="1.3" fill="none" opacity="0.6">${TEXTURES[texture]}</g>`;
  const tile = `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect ${size} fill="${fill}"/>${drawn}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(tile)}`;
}

/** What a texture draws in a square of SIDE. Lines go beyond its corners, so that it joins with itself. */
const TEXTURES: Record<Texture, string> = {
  plain: '',
  dots: path('M3 2V4', 2),
  rising: path('M-1 1L1-1M0 6L6 0M5 7L7 5'),
  falling: path('M-1 5L1 7M0 0L6 6M5-1L7 1'),
  upright: path('M3 0V6'),
  level: path('M0 3H6'),
  grid: path('M3 0V6M0 3H6'),
  frame: path('M1.5 1.5H4.5V4.5H1.5Z'),
};

function path(commands: string, width?: number): string {
  return `<path d="${commands}"${width === undefined ? '' : ` stroke-width="${width}"`}/>`;
}
