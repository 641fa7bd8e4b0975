import {formatBytes, formatCount, formatShare} from '../../base/units';
import {toggled} from '../../model/map/choices';
import {countsOf} from '../../model/map/words';
import {useController} from '../app-context';
import {FillSwatch} from '../swatch';
import type {Sight} from './use-sight';

/** What the colours mean, with counts and bytes. Its buttons are the filter: they dim all the rest of the map. */
export function Legend({sight}: {sight: Sight}) {
  const {space, choices, looks, counted, totals, inside, palette} = sight;
  const controller = useController();
  const filter = choices.filters[space];
  const set = (next: readonly number[]) => controller.map.change({filters: {...choices.filters, [space]: next}});
  if (choices.by === 'order') {
    return <OrderScale colours={palette.order} free={palette.fills.free} />;
  }
  if (counted === null) {
    return null;
  }
  const counts = countsOf(choices.by, space, counted);
  const shown = looks.filter(({index}) => (counts[index] ?? 0) > 0 || filter.includes(index));
  const size = 2 ** inside.clusterBits;
  return (
    <ul class="legend" aria-label={`Filter of the ${space} map`}>
      {shown.map(({index, label, meaning, fill, texture}) => {
        const count = counts[index] ?? 0;
        return (
          <li key={index}>
            <button type="button" aria-pressed={filter.includes(index)} title={meaning} onClick={() => set(toggled(filter, index))}>
              <FillSwatch fill={fill} texture={texture} />
              <span class="legend-label">{label}</span>
              <span class="muted">
                {formatCount(count)} &middot; {formatBytes(count * size)}
                <span class="hidden">, {formatShare(count, totals.clusters)}</span>
              </span>
            </button>
          </li>
        );
      })}
      {filter.length > 0 && (
        <li>
          <button type="button" class="quiet" onClick={() => set([])}>
            Show all
          </button>
        </li>
      )}
    </ul>
  );
}

/** From the start of the disk to its end. */
function OrderScale({colours, free}: {colours: readonly string[]; free: string}) {
  return (
    <div class="order-scale">
      <span>Start of the disk</span>
      <span class="order-ramp" style={{background: `linear-gradient(to right, ${colours.join(', ')})`}} aria-hidden="true" />
      <span>its end</span>
      <FillSwatch fill={free} texture="plain" />
      <span>nothing of it</span>
    </div>
  );
}
