import {useEffect, useLayoutEffect, useMemo, useRef, useState} from 'preact/hooks';
import {hostClusterOf} from '../../model/map/place';
import type {MapPlace} from '../../model/map/place';
import type {MapSpace} from '../../model/map/kinds';
import type {Problem} from '../../protocol/protocol.gen';
import {MapPicture} from '../../render/map/picture';
import type {Hit} from '../../render/map/picture';
import {MapReader} from '../../render/map/reader';
import {Store} from '../../state/store';
import {Viewpoint} from '../../state/viewpoint';
import {useController, useStore} from '../app-context';
import type {Sight} from './use-sight';

/** The parts of one map's picture that live as long as it is on the page. */
export interface Pane {
  viewpoint: Viewpoint;
  reader: MapReader;
  /** What the pointer is on. */
  hit: Store<Hit | null>;
  /** Grows when something has been read: what is said of the map may be out of date. */
  version: Store<number>;
  picture: {current: MapPicture | null};
}

function isCalm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** Where a map looks; it stays when the map is shown as a table and back. */
export function useViewpoint(): Viewpoint {
  const viewpoint = useMemo(() => new Viewpoint(isCalm), []);
  useEffect(() => () => viewpoint.end(), [viewpoint]);
  return viewpoint;
}

/** The cluster of a space that is selected. A guest cluster counts for the layer that is shown. */
export function selectedIn(space: MapSpace, layer: number, place: MapPlace | null): number | null {
  if (space === 'host') {
    return hostClusterOf(place);
  }
  return place?.space === 'guest' && place.layer === layer ? place.cluster : null;
}

/** The elements that a picture is made of. */
interface PictureParts {
  frame: {current: HTMLDivElement | null};
  strip: {current: HTMLCanvasElement | null};
  axis: {current: HTMLCanvasElement | null};
}

/** Makes the picture in its elements, and keeps it up to date with what is to be shown. */
export function usePicture(
  sight: Sight,
  viewpoint: Viewpoint,
  {frame, strip, axis}: PictureParts,
  focused: boolean,
): {pane: Pane; problem: Problem | null} {
  const controller = useController();
  const {epoch, selected} = useStore(controller.view);
  const linked = useStore(controller.map.linked);
  const picture = useRef<MapPicture | null>(null);
  const hit = useMemo(() => new Store<Hit | null>(null), []);
  const version = useMemo(() => new Store(0), []);
  const [problem, setProblem] = useState<Problem | null>(null);
  const reader = useMemo(() => {
    const made: MapReader = new MapReader(
      controller.engine,
      () => {
        setProblem(made.problem);
        version.update((count) => count + 1);
        picture.current?.change();
      },
      (cells) => picture.current?.forget(cells),
    );
    return made;
    // What is read belongs to one state of the image, which the epoch names.
  }, [controller, epoch, version]);
  useEffect(() => () => reader.end(), [reader]);
  useLayoutEffect(() => {
    if (frame.current !== null && strip.current !== null && axis.current !== null) {
      picture.current = new MapPicture(frame.current, {strip: strip.current, axis: axis.current}, viewpoint);
    }
    return () => {
      picture.current?.end();
      picture.current = null;
    };
  }, [frame, strip, axis, viewpoint]);
  useFrameSize(frame, viewpoint);
  const {space, plane, inside, source, coloured, palette, looks, choices} = sight;
  const {by, filters} = choices;
  const filter = filters[space];
  useLayoutEffect(() => viewpoint.lay(plane, inside), [viewpoint, plane, inside]);
  useLayoutEffect(() => {
    picture.current?.show({
      source, coloured, by, palette, looks, filter, reader, linked, focused,
      clusterSize: 2 ** inside.clusterBits,
      selected: selectedIn(space, source.layer, selected),
    });
  }, [source, coloured, by, palette, looks, filter, reader, linked, focused, inside, space, selected]);
  const pane = useMemo(() => ({viewpoint, reader, hit, version, picture}), [viewpoint, reader, hit, version]);
  return {pane, problem};
}

function useFrameSize(frame: {current: HTMLDivElement | null}, viewpoint: Viewpoint): void {
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    const fit = () => {
      if (element.clientWidth > 0 && element.clientHeight > 0) {
        viewpoint.resize({width: element.clientWidth, height: element.clientHeight});
      }
    };
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame, viewpoint]);
}
