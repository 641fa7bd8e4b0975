import {useEffect, useRef} from 'preact/hooks';
import {OWNER_FACTS} from '../model/owners';
import type {Owner, Texture} from '../model/owners';
import {fillStyle} from '../render/textures';
import {usePalette} from './palette-context';

/** A piece of the map's fill of an owner, as large as the style sheet makes it. */
export function Swatch({owner}: {owner: Owner}) {
  const {fills} = usePalette();
  const {family, texture} = OWNER_FACTS[owner];
  return <FillSwatch fill={fills[family]} texture={texture} />;
}

/** A piece of any fill of the map. */
export function FillSwatch({fill, texture}: {fill: string; texture: Texture}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const {page} = usePalette();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element === null || context === null || context === undefined) {
      return;
    }
    const draw = () => {
      const ratio = devicePixelRatio;
      element.width = Math.max(1, Math.round(element.clientWidth * ratio));
      element.height = Math.max(1, Math.round(element.clientHeight * ratio));
      context.scale(ratio, ratio);
      context.fillStyle = fillStyle(context, {fill, texture, page, ratio});
      context.fillRect(0, 0, element.clientWidth, element.clientHeight);
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [fill, texture, page]);
  return <canvas ref={canvas} class="swatch" aria-hidden="true" />;
}
