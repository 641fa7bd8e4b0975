import {useState} from 'preact/hooks';
import {formatBytes, parseOffset, plural} from '../base/units';
import {inFile} from '../model/map/place';
import {layoutOf, middleCluster, zoomed, zoomRange} from '../model/mapview';
import type {MapView} from '../model/mapview';
import type {Info} from '../protocol/protocol.gen';
import {useController} from './app-context';

interface ToolsProps {
  view: MapView;
  setView: (change: (view: MapView | null) => MapView | null) => void;
  info: Info;
}

/** Zoom, what a cell stands for, and the way to an offset. */
export function MapTools({view, setView, info}: ToolsProps) {
  const {perCell, columns} = layoutOf(view);
  const {closest, farthest} = zoomRange(view);
  const zoom = (steps: number) => setView((old) => old && zoomed(old, steps, old.cursor ?? middleCluster(old)));
  const cell = perCell === 1 ? 'A square is one cluster' : `A square is ${plural(perCell, 'cluster')}`;
  return (
    <div class="map-tools">
      <p>
        {cell}, {formatBytes(perCell * info.clusterSize)}; a row is {formatBytes(columns * perCell * info.clusterSize)}.
      </p>
      <div class="row">
        {closest < farthest && (
          <div class="switch" role="group" aria-label="Zoom">
            <button type="button" aria-label="Zoom out" disabled={view.rowBits >= farthest} onClick={() => zoom(1)}>
              &minus;
            </button>
            <button type="button" aria-label="Zoom in" disabled={view.rowBits <= closest} onClick={() => zoom(-1)}>
              +
            </button>
            <button type="button" disabled={view.rowBits >= farthest} onClick={() => zoom(Infinity)}>
              Whole file
            </button>
          </div>
        )}
        <GoTo info={info} />
      </div>
    </div>
  );
}

function GoTo({info}: {info: Info}) {
  const controller = useController();
  const [wrong, setWrong] = useState('');
  const go = (text: string) => {
    const offset = parseOffset(text);
    const cluster = offset === null ? null : Math.floor(offset / info.clusterSize);
    if (cluster === null) {
      setWrong('An offset is a number such as 0x1c0000 or 1835008.');
    } else if (cluster >= info.hostClusters) {
      setWrong(`The file ends at ${formatBytes(info.fileSize)}.`);
    } else {
      setWrong('');
      controller.change({selected: inFile(cluster)});
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
        Go to offset
        <input
          name="offset"
          type="text"
          inputMode="text"
          autoComplete="off"
          spellcheck={false}
          placeholder="0x1c0000"
          aria-invalid={wrong !== ''}
          aria-describedby="go-to-wrong"
        />
      </label>
      <button type="submit">Go</button>
      <p id="go-to-wrong" class="field-error" aria-live="polite">
        {wrong}
      </p>
    </form>
  );
}
