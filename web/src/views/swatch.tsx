import {OWNER_FACTS} from '../model/owners';
import type {Owner, Texture} from '../model/owners';
import {tileAddress} from '../render/textures';
import {usePalette} from './palette-context';

/** A piece of the map's fill of an owner, as large as the style sheet makes it. */
export function Swatch({owner}: {owner: Owner}) {
  const {fills} = usePalette();
  const {family, texture} = OWNER_FACTS[owner];
  return <FillSwatch fill={fills[family]} texture={texture} />;
}

/** A piece of any fill of the map. */
export function FillSwatch({fill, texture}: {fill: string; texture: Texture}) {
  const {page} = usePalette();
  const backgroundImage = texture === 'plain' ? 'none' : `url("${tileAddress({fill, texture, page})}")`;
  return <span class="swatch" aria-hidden="true" style={{backgroundColor: fill, backgroundImage}} />;
}
