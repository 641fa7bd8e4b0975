import {visibleText} from '../../base/text';
import {PAGE_SIZE} from '../../protocol/ops';
import {useController, useLoaded, useStore} from '../app-context';

/** Which bitmap the map of the disk shows; the first hundred can be chosen. */
export function BitmapChoice() {
  const controller = useController();
  const {bitmap, filters} = useStore(controller.map.choices);
  const {epoch} = useStore(controller.view);
  const page = useLoaded(`bitmaps ${epoch}`, () => controller.engine.call('layersBitmaps', {first: 0, count: PAGE_SIZE}));
  if (page.step !== 'loaded' || page.value.bitmaps.length < 2) {
    return null;
  }
  const choose = (next: number) => controller.map.change({bitmap: next, filters: {...filters, guest: []}});
  return (
    <label class="map-choice">
      Bitmap
      <select value={bitmap} onChange={(event) => choose(Number(event.currentTarget.value))}>
        {page.value.bitmaps.map(({index, name}) => (
          <option key={index} value={index}>
            {visibleText(name)}
          </option>
        ))}
      </select>
    </label>
  );
}
