import {useMemo} from 'preact/hooks';
import {visibleText} from '../../base/text';
import {PAGE_SIZE} from '../../protocol/ops';
import type {MapLayer} from '../../protocol/protocol.gen';
import {isRead} from '../../state/mapdesk';
import {useController, useLoaded, useStore} from '../app-context';

const NO_LAYERS: readonly MapLayer[] = [];

/** The layers whose guest map can be shown, the first hundred. */
export function useLayers(): readonly MapLayer[] {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const read = isRead(useStore(controller.map.scan));
  const loaded = useLoaded(read ? `${epoch}` : '', () =>
    read ? controller.engine.call('mapLayers', {first: 0, count: PAGE_SIZE}) : new Promise(() => undefined),
  );
  return loaded.step === 'loaded' ? loaded.value.layers : NO_LAYERS;
}

/** The names of the snapshots in their order, fit to be shown as plain text. */
export function useSnapshotNames(): readonly string[] {
  const layers = useLayers();
  return useMemo(() => layers.slice(1).map(({name}) => visibleText(name)), [layers]);
}
