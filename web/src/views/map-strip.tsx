import {useEffect, useRef} from 'preact/hooks';
import {centred, layoutOf} from '../model/mapview';
import type {MapView} from '../model/mapview';
import {paintStrip} from '../render/strip';
import {Textures} from '../render/textures';
import {useController, useLoaded, useStore} from './app-context';
import {usePalette} from './palette-context';

interface StripProps {
  view: MapView;
  setView: (change: (view: MapView | null) => MapView | null) => void;
}

/** The whole file beside the map, with what the map shows of it. A shortcut for the pointer; keys have Home, End and Go to. */
export function MapStrip({view, setView}: StripProps) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const palette = usePalette();
  const canvas = useRef<HTMLCanvasElement>(null);
  const perCell = Math.max(1, Math.ceil(view.clusters / view.height));
  const cells = Math.ceil(view.clusters / perCell);
  const loaded = useLoaded(`${epoch} ${perCell} ${cells}`, () =>
    controller.engine.call('tile', {first: 0, perCell, cells}),
  );
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d', {alpha: false});
    if (element === null || context === null || context === undefined || loaded.step !== 'loaded') {
      return;
    }
    const layout = layoutOf(view);
    const width = element.clientWidth;
    element.width = Math.round(width * devicePixelRatio);
    element.height = Math.round(view.height * devicePixelRatio);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    paintStrip(context, {
      width,
      height: view.height,
      cells: loaded.value,
      palette,
      textures: new Textures(palette, devicePixelRatio),
      from: view.top / layout.rows,
      to: (view.top + view.height / layout.cellHeight) / layout.rows,
    });
  }, [view, loaded, palette]);
  const jump = (event: PointerEvent) => {
    if (event.buttons === 1 && event.currentTarget instanceof HTMLCanvasElement) {
      const box = event.currentTarget.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientY - box.top) / box.height));
      setView((old) => old && centred(old, Math.min(old.clusters - 1, Math.floor(share * old.clusters))));
    }
  };
  return (
    <canvas
      ref={canvas}
      class="map-strip"
      style={{height: `${view.height}px`}}
      aria-hidden="true"
      onPointerDown={jump}
      onPointerMove={jump}
    />
  );
}
