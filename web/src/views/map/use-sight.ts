import {useEffect, useMemo} from 'preact/hooks';
import {orderFor, shownClusters} from '../../model/map/choices';
import type {MapChoices} from '../../model/map/choices';
import {mapPalette} from '../../model/map/colours';
import type {MapPalette} from '../../model/map/colours';
import type {Inside} from '../../model/map/grain';
import {looksOf} from '../../model/map/kinds';
import type {Look, MapSpace} from '../../model/map/kinds';
import {planeOf} from '../../model/map/plane';
import type {Plane} from '../../model/map/plane';
import type {Info, MapScan, MapTotals, Problem} from '../../protocol/protocol.gen';
import type {Source} from '../../render/map/tiles';
import {isRead} from '../../state/mapdesk';
import {useController, useLoaded, useStore} from '../app-context';
import type {Loaded} from '../app-context';
import {usePalette} from '../palette-context';
import {useSnapshotNames} from './use-layers';

/** What a map shows, as far as it is known. */
export interface Sight {
  space: MapSpace;
  choices: MapChoices;
  plane: Plane;
  inside: Inside;
  /** Of the whole space, folded or not. */
  totals: MapTotals;
  source: Source;
  coloured: Source;
  palette: MapPalette;
  looks: readonly Look[];
  /** Those of the kinds that cells name, whatever is coloured: of guest clusters, or by layer. */
  kinds: readonly Look[];
  /** Whose kinds the legend counts. */
  counted: MapTotals | null;
}

export type SightState =
  | {step: 'reading'; scan: MapScan | null}
  | {step: 'failed'; problem: Problem}
  | {step: 'ready'; sight: Sight};

/** Puts together what a map shows: how many clusters there are, how they lie, and what their colours say. */
export function useSight(space: MapSpace, info: Info): SightState {
  const controller = useController();
  const choices = useStore(controller.map.choices);
  const scan = useStore(controller.map.scan);
  const scanProblem = useStore(controller.map.scanProblem);
  const byLayer = space === 'host' && (choices.by === 'layer' || choices.by === 'order');
  const byDirty = isDirty(space, choices, info);
  const waits = (space === 'guest' || byLayer) && !isRead(scan);
  const layer = space === 'guest' ? choices.layer : 0;
  const own = useTotals(space, layer, !(space === 'guest' && waits));
  const other = useTotals(byLayer ? 'links' : byDirty ? 'dirty' : space, byDirty ? choices.bitmap : layer, (byLayer || byDirty) && !waits);
  const looks = useLooks(space, choices, info);
  const clusters = own.step === 'loaded' ? shownClusters(own.value.clusters, own.value.end, choices.unfolded[space]) : 0;
  const order = orderFor(choices, clusters);
  const plane = useMemo(() => planeOf(clusters, order), [clusters, order]);
  const source = useMemo((): Source => ({space, layer, plane}), [space, layer, plane]);
  const links = useMemo((): Source => ({space: 'links', layer: 0, plane}), [plane]);
  const dirty = useMemo((): Source => ({space: 'dirty', layer: choices.bitmap, plane}), [choices.bitmap, plane]);
  const inside = useMemo(
    (): Inside => ({clusterBits: info.clusterBits, subclusters: info.extendedL2 ? 32 : 1}),
    [info.clusterBits, info.extendedL2],
  );
  const problem = firstProblem(own, other) ?? (waits ? scanProblem : null);
  if (problem !== null) {
    return {step: 'failed', problem};
  }
  if (waits || own.step !== 'loaded') {
    return {step: 'reading', scan: waits ? scan : null};
  }
  const counted = byLayer || byDirty ? (other.step === 'loaded' ? other.value : null) : own.value;
  const coloured = byLayer ? links : byDirty ? dirty : source;
  return {
    step: 'ready',
    sight: {space, choices, plane, inside, totals: own.value, source, coloured, ...looks, counted},
  };
}

function useTotals(space: Source['space'], layer: number, wanted: boolean): Loaded<MapTotals> {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  return useLoaded(wanted ? `${epoch} ${space} ${layer}` : '', () =>
    wanted ? controller.engine.call('mapTotals', {space, layer}) : new Promise(() => undefined),
  );
}

/** Bitmaps tell of the disk as it is now. */
function isDirty(space: MapSpace, {by, layer}: MapChoices, info: Info): boolean {
  return space === 'guest' && by === 'dirty' && layer === 0 && info.bitmaps > 0;
}

function useLooks(space: MapSpace, choices: MapChoices, info: Info): Pick<Sight, 'palette' | 'looks' | 'kinds'> {
  const base = usePalette();
  const snapshots = useSnapshotNames();
  const parent = info.backingFile !== '';
  const byDirty = isDirty(space, choices, info);
  const by = choices.by === 'dirty' && !byDirty ? 'owner' : choices.by;
  return useMemo(() => {
    const palette = mapPalette(base);
    const facts = {parent, snapshots};
    const kinds = looksOf(space, space === 'host' ? 'layer' : byDirty ? 'dirty' : 'owner', palette, facts);
    return {palette, looks: looksOf(space, by, palette, facts), kinds};
  }, [base, space, by, byDirty, parent, snapshots]);
}

function firstProblem(...all: readonly Loaded<MapTotals>[]): Problem | null {
  for (const loaded of all) {
    if (loaded.step === 'failed') {
      return loaded.problem;
    }
  }
  return null;
}

/** Has the tables read on which the guest map, and what links the two, depends; the host map goes first. */
export function useTables(hostReady: boolean): void {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  useEffect(() => {
    if (hostReady) {
      void controller.map.readTables();
    }
  }, [controller, epoch, hostReady]);
}

/** The looks of the kinds of clusters, whatever is coloured: of the file by owner or by layer, or of the disk. */
export function useLooksOfKinds({space, palette, kinds}: Sight, byLayer: boolean): readonly Look[] {
  return useMemo(
    () => (space === 'host' && !byLayer ? looksOf('host', 'owner', palette, {parent: false, snapshots: []}) : kinds),
    [space, byLayer, palette, kinds],
  );
}
