import {visibleText} from '../../base/text';
import {useController, useStore} from '../app-context';
import {useLayers} from './use-layers';

/** Whose disk the guest map shows: as it is now, or as a snapshot has it. */
export function LayerChoice() {
  const controller = useController();
  const {layer, filters} = useStore(controller.map.choices);
  const layers = useLayers();
  if (layers.length < 2) {
    return null;
  }
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
