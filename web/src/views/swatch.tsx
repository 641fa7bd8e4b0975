import {useEffect, useRef} from 'preact/hooks';
import type {Owner} from '../model/owners';
import {Textures} from '../render/textures';
import {usePalette} from './palette-context';

/** A piece of the map's fill of an owner, as large as the style sheet makes it. */
export function Swatch({owner}: {owner: Owner}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = usePalette();
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
      context.fillStyle = new Textures(palette, ratio).fill(owner, context);
      context.fillRect(0, 0, element.clientWidth, element.clientHeight);
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [owner, palette]);
  return <canvas ref={canvas} class="swatch" aria-hidden="true" />;
}
