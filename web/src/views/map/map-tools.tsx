import {useState} from 'preact/hooks';
import {formatBytes, parseOffset} from '../../base/units';
import {COLOUR_BY} from '../../model/map/kinds';
import type {ColourBy, MapSpace} from '../../model/map/kinds';
import {inFile, onDisk} from '../../model/map/place';
import type {Order} from '../../model/map/plane';
import type {Info} from '../../protocol/protocol.gen';
import {useController, useStore} from '../app-context';
import {BitmapChoice} from './bitmap-choice';

/** How both maps are looked at. */
export function MapTools({info, order}: {info: Info; order: Order}) {
  const controller = useController();
  const {by, show} = useStore(controller.map.choices);
  return (
    <div class="map-tools">
      <Choice
        name="Show"
        value={show}
        options={[
          ['both', 'Both'],
          ['host', 'File'],
          ['guest', 'Disk'],
        ]}
        onChoose={(next) => controller.map.change({show: next})}
      />
      <label class="map-choice">
        Colour
        <select value={by} onChange={(event) => controller.map.change({by: event.currentTarget.value as ColourBy, filters: {host: [], guest: []}})}>
          {COLOUR_BY.filter(({value}) => value !== 'dirty' || info.bitmaps > 0).map(({value, label, meaning}) => (
            <option key={value} value={value} title={meaning}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {by === 'dirty' && <BitmapChoice />}
      <Choice
        name="Lay out"
        value={order}
        options={[
          ['rows', 'Rows'],
          ['hilbert', 'Hilbert'],
        ]}
        onChoose={(next) => controller.map.change({order: next})}
      />
      <GoTo info={info} />
    </div>
  );
}

interface ChoiceProps<T extends string> {
  name: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChoose: (value: T) => void;
}

function Choice<T extends string>({name, value, options, onChoose}: ChoiceProps<T>) {
  return (
    <div class="switch" role="group" aria-label={name}>
      {options.map(([option, label]) => (
        <button key={option} type="button" aria-pressed={value === option} onClick={() => onChoose(option)}>
          {label}
        </button>
      ))}
    </div>
  );
}

function GoTo({info}: {info: Info}) {
  const controller = useController();
  const {show, layer} = useStore(controller.map.choices);
  const [chosen, setSpace] = useState<MapSpace>('host');
  const space = show === 'both' ? chosen : show;
  const [wrong, setWrong] = useState('');
  const go = (text: string) => {
    const offset = parseOffset(text);
    const size = space === 'host' ? info.fileSize : Number(info.virtualSize);
    if (offset === null) {
      setWrong('An offset is a number such as 0x1c0000 or 1835008.');
    } else if (offset >= size) {
      setWrong(`The ${space === 'host' ? 'file' : 'disk'} ends at ${formatBytes(size)}.`);
    } else {
      setWrong('');
      const cluster = Math.floor(offset / info.clusterSize);
      controller.change({selected: space === 'host' ? inFile(cluster) : onDisk(layer, cluster)});
    }
  };
  return (
    <form
      class="go-to"
      onSubmit={(event) => {
        event.preventDefault();
        const field = new FormData(event.currentTarget).get('offset');
        go(typeof field === 'string' ? field : '');
      }}
    >
      <label>
        Go to
        <input
          name="offset"
          type="text"
          autoComplete="off"
          spellcheck={false}
          placeholder="0x1c0000"
          aria-invalid={wrong !== ''}
          aria-describedby="go-to-wrong"
        />
      </label>
      {show === 'both' && (
        <select aria-label="Where the offset counts" value={space} onChange={(event) => setSpace(event.currentTarget.value === 'guest' ? 'guest' : 'host')}>
            <option value="host">in the file</option>
            <option value="guest">on the disk</option>
          </select>
      )}
      <button type="submit">Go</button>
      <p id="go-to-wrong" class="field-error" aria-live="polite">
        {wrong}
      </p>
    </form>
  );
}
