import {useCallback, useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {formatBytes, formatCount, formatHex, plural} from '../base/units';
import {cellRank} from '../model/cells';
import {cellOf} from '../model/layout';
import {hostClusterOf, inFile} from '../model/map/place';
import {layoutOf, resized, wholeMap, windowOf, withCursor} from '../model/mapview';
import type {MapView} from '../model/mapview';
import type {Info, Problem} from '../protocol/protocol.gen';
import {cellText, paintMap} from '../render/painter';
import {Textures} from '../render/textures';
import {TileCache} from '../render/tiles';
import {useController, useStore} from './app-context';
import {useMapKeys, useMapPointer} from './map-input';
import {MapStrip} from './map-strip';
import {MapTools} from './map-tools';
import {usePalette} from './palette-context';
import {ProblemText} from './problem';
import {RowAxis} from './row-axis';

const LEAST_HEIGHT = 300;
const MOST_HEIGHT = 560;

/** The picture of the host map, with everything that moves it. */
export function MapPicture({info}: {info: Info}) {
  const controller = useController();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useMapView(frame, info.hostClusters);
  const {cache, version, problem} = useTiles(info.hostClusters);
  const [hovered, setHovered] = useState<number | null>(null);
  const [focused, setFocused] = useState(false);
  const pick = usePick(view, info.hostClusters);
  useFollowSelection(setView);
  usePainter(canvas, view, cache, version);
  useMapPointer(frame, view, setView, setHovered, pick);
  const onKeyDown = useMapKeys(view, setView, pick);
  const spoken = useCursorText(focused ? view : null, cache, info);
  return (
    <>
      {view !== null && <MapTools view={view} setView={setView} info={info} />}
      {problem !== null && <ProblemText problem={problem} />}
      <div class="map-body">
        {view !== null && <MapStrip view={view} setView={setView} />}
        {view !== null && <RowAxis view={view} info={info} />}
        <div
          ref={frame}
          class={view !== null && layoutOf(view).rows * layoutOf(view).cellHeight > view.height ? 'map-frame movable' : 'map-frame'}
          tabIndex={0}
          role={focused ? 'application' : 'img'}
          aria-label={`Picture of the host map, ${plural(info.hostClusters, 'cluster')}. Arrow keys move, Enter inspects, t shows it as a table.`}
          style={{height: `${view?.height ?? LEAST_HEIGHT}px`}}
          onKeyDown={onKeyDown}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
        >
          <canvas ref={canvas} aria-hidden="true" />
        </div>
      </div>
      <p class="map-caption" aria-hidden="true">
        {captionOf(view, cache, info, hovered ?? (focused ? (view?.cursor ?? null) : null))}
      </p>
      <p class="hidden" aria-live="polite">
        {spoken}
      </p>
      <p class="hidden" aria-live="polite">
        {hostClusterOf(controller.view.value.selected) === null ? '' : 'The cluster is in the inspector.'}
      </p>
    </>
  );
}

/** The view, which follows the size of its frame. */
function useMapView(frame: {current: HTMLDivElement | null}, clusters: number) {
  const [view, setView] = useState<MapView | null>(null);
  useEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    const fit = () => {
      const width = element.clientWidth;
      const most = Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, Math.round(innerHeight * 0.6)));
      setView((old) => (old === null ? wholeMap(clusters, width, most) : resized(old, width, most)));
    };
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame, clusters]);
  return [view, setView] as const;
}

/** The cells of the image as it is now; `version` grows when more have come. */
function useTiles(clusters: number) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [version, setVersion] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const cache = useMemo(() => {
    const loaded = (failed: Problem | null) => {
      // A cache belongs to one state of the image; a late answer about an earlier one is of no interest.
      if (controller.view.value.epoch === epoch) {
        setProblem(failed);
        setVersion((old) => old + 1);
      }
    };
    return new TileCache((request) => controller.engine.call('tile', request), clusters, loaded);
  }, [controller, clusters, epoch]);
  return {cache, version, problem};
}

/** Draws the map before the next frame of the screen, whenever something of it has changed. */
function usePainter(
  canvas: {current: HTMLCanvasElement | null},
  view: MapView | null,
  cache: TileCache,
  version: number,
): void {
  const controller = useController();
  const {selected: place, highlighted} = useStore(controller.view);
  const selected = hostClusterOf(place);
  const palette = usePalette();
  const textures = useMemo(() => new Textures(palette, devicePixelRatio), [palette]);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d', {alpha: false});
    if (view === null || element === null || context === null || context === undefined) {
      return;
    }
    const layout = layoutOf(view);
    const firstCell = Math.floor(view.top) * layout.columns;
    const cells = (Math.ceil(view.height / layout.cellHeight) + 1) * layout.columns;
    cache.want(layout.perCell, firstCell, Math.min(layout.cells, firstCell + cells));
    const frame = requestAnimationFrame(() => {
      sizeCanvas(element, view);
      context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
      context.fillStyle = palette.page;
      context.fillRect(0, 0, view.width, view.height);
      paintMap(context, {
        layout,
        window: windowOf(view),
        palette,
        textures,
        cell: (cell) => cache.cell(layout.perCell, cell),
        highlighted: new Set(highlighted),
        cursor: view.cursor === null ? null : cellOf(layout, view.cursor),
        selected: selected === null ? null : cellOf(layout, selected),
      });
    });
    return () => cancelAnimationFrame(frame);
  }, [canvas, view, cache, version, palette, textures, selected, highlighted]);
}

function sizeCanvas(canvas: HTMLCanvasElement, view: MapView): void {
  const width = Math.round(view.width * devicePixelRatio);
  const height = Math.round(view.height * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
}

/** Selects the cluster of a cell; of several the first of the worst. */
function usePick(view: MapView | null, clusters: number): (cell: number) => void {
  const controller = useController();
  return useCallback(
    (cell: number) => {
      if (view === null) {
        return;
      }
      const {perCell} = layoutOf(view);
      const first = cell * perCell;
      if (perCell === 1) {
        controller.change({selected: inFile(first)});
        return;
      }
      const cells = Math.min(perCell, clusters - first);
      void controller.engine.call('tile', {first, perCell: 1, cells}).then((reply) => {
        controller.change({selected: inFile(first + (reply.ok ? worstOf(reply.value) : 0))});
      });
    },
    [controller, view, clusters],
  );
}

function worstOf(cells: Uint8Array): number {
  return cells.reduce((worst, byte, i) => (cellRank(byte) > cellRank(cells[worst] ?? 0) ? i : worst), 0);
}

/** What is selected elsewhere, as by going to the next finding, comes on screen. */
function useFollowSelection(setView: (change: (view: MapView | null) => MapView | null) => void): void {
  const controller = useController();
  const selected = hostClusterOf(useStore(controller.view).selected);
  useEffect(() => {
    if (selected !== null) {
      setView((view) => (view === null ? null : withCursor(view, selected)));
    }
  }, [selected, setView]);
}

/** What a screen reader says of the cursor: once it rests, not at every key. */
function useCursorText(view: MapView | null, cache: TileCache, info: Info): string {
  const [text, setText] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setText(captionOf(view, cache, info, view?.cursor ?? null)), 350);
    return () => clearTimeout(timer);
  }, [view, cache, info]);
  return text;
}

function captionOf(view: MapView | null, cache: TileCache, info: Info, cluster: number | null): string {
  if (view === null || cluster === null) {
    return '';
  }
  const {perCell} = layoutOf(view);
  const cell = Math.floor(cluster / perCell);
  const what = cellText(cache.cell(perCell, cell));
  const at = formatHex(cell * perCell * info.clusterSize);
  return perCell === 1
    ? `Cluster ${formatCount(cluster)} at ${at}: ${what}`
    : `${plural(perCell, 'cluster')} from ${at} (${formatBytes(perCell * info.clusterSize)}): mostly ${what}`;
}
