import {useCallback, useEffect, useLayoutEffect, useRef, useState} from 'preact/hooks';
import {plural} from '../../base/units';
import {SPLIT_CLUSTER} from '../../model/map/grain';
import type {Spot} from '../../model/map/grain';
import {cellOfSpot, meantBy} from '../../model/map/meant';
import {inFile, onDisk} from '../../model/map/place';
import {nameOf} from '../../model/map/plane';
import type {Info} from '../../protocol/protocol.gen';
import {orderName} from '../../render/map/tiles';
import type {Hit} from '../../render/map/picture';
import {cursorSpot, isWhole} from '../../state/viewpoint';
import type {Viewpoint} from '../../state/viewpoint';
import {useController, useStore} from '../app-context';
import {showInHex} from '../hex/go';
import {ProblemText} from '../problem';
import {Caption} from './caption';
import {pressed} from './keys';
import {bindPointers} from './pointer';
import {selectedIn, usePicture} from './use-picture';
import type {Pane} from './use-picture';
import type {Sight} from './use-sight';
import {ZoomTools} from './zoom-tools';

const NAMES = {host: 'host map', guest: 'guest map'} as const;

/** The picture of a map, with everything that moves it. */
export function MapPicture({sight, info, viewpoint}: {sight: Sight; info: Info; viewpoint: Viewpoint}) {
  const frame = useRef<HTMLDivElement>(null);
  const strip = useRef<HTMLCanvasElement>(null);
  const axis = useRef<HTMLCanvasElement>(null);
  const [focused, setFocused] = useState(false);
  const {pane, problem} = usePicture(sight, viewpoint, {frame, strip, axis}, focused);
  const {space, plane} = sight;
  const pick = usePick(sight, info);
  useFollowSelection(sight, viewpoint);
  usePointers(frame, pane, sight, pick);
  const onKeyDown = useKeys(pane, sight, pick);
  return (
    <>
      {problem !== null && <ProblemText problem={problem} />}
      <div class={`map-body ${plane.order}`}>
        <canvas
          ref={strip}
          class="map-strip"
          aria-hidden="true"
          onPointerDown={(event) => jump(event, sight, viewpoint)}
          onPointerMove={(event) => jump(event, sight, viewpoint)}
        />
        <canvas ref={axis} class="map-axis" aria-hidden="true" />
        <div
          ref={frame}
          class="map-frame"
          tabIndex={0}
          role={focused ? 'application' : 'img'}
          aria-label={`Picture of the ${NAMES[space]}, ${plural(plane.clusters, 'cluster')}. Arrow keys move, plus and minus zoom, Enter inspects, t shows it as a table.`}
          onKeyDown={onKeyDown}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
        />
      </div>
      <ZoomTools viewpoint={viewpoint} name={NAMES[space]} />
      <Caption pane={pane} sight={sight} focused={focused} />
    </>
  );
}

/** The strip is a shortcut for the pointer; keys have Home, End and Go to. */
function jump(event: PointerEvent & {currentTarget: HTMLCanvasElement}, {plane}: Sight, viewpoint: Viewpoint): void {
  if (event.buttons === 1) {
    const box = event.currentTarget.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientY - box.top) / box.height));
    viewpoint.centreOn(Math.floor(share * plane.clusters));
  }
}

type Pick = (spot: Spot) => void;

/** Selects the cluster of a spot; of several one of the worst. A byte is shown in the hex view, too. */
function usePick({source, plane}: Sight, info: Info): Pick {
  const controller = useController();
  return useCallback(
    (spot: Spot) => {
      const select = (cluster: number) => {
        if (source.space === 'host' && spot.length === 1) {
          showInHex(controller, BigInt(cluster) * BigInt(info.clusterSize) + BigInt(spot.offset));
        }
        controller.change({selected: source.space === 'guest' ? onDisk(source.layer, cluster) : inFile(cluster)});
      };
      if (spot.level === 0) {
        select(spot.cluster);
        return;
      }
      const {level} = spot;
      const request = {space: source.space, layer: source.layer, order: orderName(plane), level, ...nameOf(plane, cellOfSpot(plane, spot)), clusters: plane.clusters};
      void controller.engine.call('mapCell', request).then((reply) => {
        if (reply.ok && reply.value.cluster >= 0) {
          select(reply.value.cluster);
        }
      });
    },
    [controller, source, plane, info],
  );
}

/** What is selected elsewhere, as by going to the next finding, comes on screen; the free end is unfolded for it. */
function useFollowSelection({space, source, plane, totals}: Sight, viewpoint: Viewpoint): void {
  const controller = useController();
  const cluster = selectedIn(space, source.layer, useStore(controller.view).selected);
  useLayoutEffect(() => {
    if (cluster === null) {
      return;
    }
    if (cluster < plane.clusters) {
      viewpoint.showCluster(cluster);
    } else if (cluster < totals.clusters) {
      controller.map.change({unfolded: {...controller.map.choices.value.unfolded, [space]: true}});
    }
    // Only what is selected moves the map, and that there is now room for it.
  }, [cluster, plane, viewpoint, controller, totals, space]);
}

function usePointers(frame: {current: HTMLDivElement | null}, pane: Pane, sight: Sight, pick: Pick): void {
  const controller = useController();
  const latest = useRef({sight, pick});
  latest.current = {sight, pick};
  useEffect(() => {
    const picture = pane.picture.current;
    if (frame.current === null || picture === null) {
      return;
    }
    const ended = new AbortController();
    const hover = (hit: Hit | null) => {
      pane.hit.set(hit);
      const {space, plane} = latest.current.sight;
      controller.map.hover(hit === null ? null : meantBy(space, plane, hit.spot));
    };
    bindPointers(frame.current, pane.viewpoint, picture, {hover, pick: ({spot}) => latest.current.pick(spot)}, ended.signal);
    return () => ended.abort();
  }, [frame, pane, controller]);
}

function useKeys(pane: Pane, {space, plane, source}: Sight, pick: Pick) {
  const controller = useController();
  return (event: KeyboardEvent) => {
    const {viewpoint} = pane;
    const before = viewpoint.now.value;
    const done = pressed(event, viewpoint, {
      layOut: () => controller.map.change({order: plane.order === 'rows' ? 'hilbert' : 'rows'}),
      enter: () => {
        const spot = before === null ? null : cursorSpot(before);
        const same = spot !== null && spot.level === 0 && spot.length > 1 && selectedIn(space, source.layer, controller.view.value.selected) === spot.cluster;
        if (same && before !== null && before.camera.scale < SPLIT_CLUSTER) {
          viewpoint.scaleTo(SPLIT_CLUSTER * 2);
        } else if (spot !== null) {
          pick(spot);
        }
      },
      escape: () => {
        if (controller.view.value.selected !== null) {
          controller.change({selected: null});
          viewpoint.setCursor(null);
          return true;
        }
        const farther = before !== null && !isWhole(before);
        viewpoint.setCursor(null);
        viewpoint.whole();
        return farther;
      },
    });
    if (done) {
      event.preventDefault();
      const now = viewpoint.now.value;
      const spot = now === null ? null : cursorSpot(now);
      controller.map.hover(spot === null ? null : meantBy(space, plane, spot));
    }
  };
}
