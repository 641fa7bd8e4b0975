import {visibleText} from '../../base/text';
import type {MapLayer} from '../../protocol/protocol.gen';
import {useController, useStore} from '../app-context';

/** Whose disk the guest map shows: as it is now, or as a snapshot has it. */
export function LayerChoice({layers}: {layers: readonly MapLayer[]}) {
  const controller = useController();
  const {layer, filters} = useStore(controller.map.choices);
  return (
    <label class="map-choice">
      <span class="hidden">The disk</span>
      <select value={layer} onChange={(event) => controller.map.change({layer: Number(event.currentTarget.value), filters: {...filters, guest: []}})}>
        {layers.map(({layer: n, name}) => (
          <option key={n} value={n}>
            {n === 0 ? 'as it is now' : `as snapshot ${n} has it: ${visibleText(name)}`}
          </option>
        ))}
      </select>
    </label>
  );
}
