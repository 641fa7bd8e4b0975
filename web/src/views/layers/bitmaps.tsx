import {useState} from 'preact/hooks';
import {formatBytes, formatCount, formatDecimalBytes, formatShare, plural} from '../../base/units';
import {stripRuns} from '../../model/dirtystrip';
import {onDisk} from '../../model/map/place';
import {PAGE_SIZE} from '../../protocol/ops';
import type {Info, LayersBitmap} from '../../protocol/protocol.gen';
import {useController, useLoaded} from '../app-context';
import {Fold} from '../fold';
import {goTo} from '../go-to';
import {Pager, TurnPages} from '../pager';
import {ScrollTable} from '../scroll-table';
import {SeveritySign} from '../signs';
import {ImageText} from '../text';

/** The persistent bitmaps: what backup programs know of what has changed. */
export function Bitmaps({info}: {info: Info}) {
  const {engine} = useController();
  const [first, setFirst] = useState(0);
  const page = useLoaded(`bitmaps ${first}`, () => engine.call('layersBitmaps', {first, count: PAGE_SIZE}));
  if (page.step !== 'loaded') {
    return null;
  }
  const {bitmaps, total, problem} = page.value;
  return (
    <div class="card">
      <h3>{plural(total, 'dirty bitmap')}</h3>
      <p class="muted">A bitmap marks what was written since it was begun, so that the next backup copies only that.</p>
      {problem !== '' && (
        <p>
          The list is damaged: <ImageText text={problem} />
        </p>
      )}
      <ul class="bitmaps">
        {bitmaps.map((bitmap) => (
          <Bitmap key={bitmap.index} bitmap={bitmap} info={info} />
        ))}
      </ul>
      <Pager of="bitmaps" from={first} size={PAGE_SIZE} total={total} onFrom={setFirst} />
    </div>
  );
}

function Bitmap({bitmap, info}: {bitmap: LayersBitmap; info: Info}) {
  const {name, granularity, inUse, auto, known, unknown, dirty, bits, takes} = bitmap;
  return (
    <li>
      <h4>
        <ImageText text={name} />
        {inUse && (
          <span class="badge caution">
            <SeveritySign severity="warning" />
            in use: inconsistent
          </span>
        )}
        {auto && <span class="badge">auto: records writes</span>}
        {!auto && !inUse && <span class="badge">not recording</span>}
      </h4>
      {known ? (
        <>
          <p>
            <strong>{formatBytes(dirty)}</strong> dirty, {formatShare(dirty, Number(info.virtualSize))} of the disk
            <span class="muted">
              {' '}
              &mdash; {plural(bits, 'bit')} of {formatBytes(granularity)} each; the bitmap takes {formatBytes(takes)}
            </span>
          </p>
          <Strip bitmap={bitmap} info={info} />
          <ShowOnMap bitmap={bitmap} />
          {dirty > 0 && <DirtyRanges bitmap={bitmap} info={info} />}
        </>
      ) : (
        <p>
          What is dirty is not known. <ImageText text={unknown} />
        </p>
      )}
    </li>
  );
}

/** The map of the disk, coloured by this bitmap. */
function ShowOnMap({bitmap: {index}}: {bitmap: LayersBitmap}) {
  const controller = useController();
  const show = () => {
    const {show: shown} = controller.map.choices.value;
    controller.map.change({by: 'dirty', bitmap: index, layer: 0, show: shown === 'host' ? 'both' : shown, filters: {host: [], guest: []}});
    goTo('map');
  };
  return (
    <div>
      <button type="button" class="small" onClick={show}>
        Show on the map<span class="hidden"> what bitmap {index + 1} marks</span>
      </button>
    </div>
  );
}

const CELLS = 1024;

/** The disk from its start to its end, with what is dirty. The ranges below say the same. */
function Strip({bitmap: {index}, info}: {bitmap: LayersBitmap; info: Info}) {
  const {engine} = useController();
  const strip = useLoaded(`strip ${index}`, () => engine.call('layersStrip', {bitmap: index}));
  const runs = strip.step === 'loaded' ? stripRuns(strip.value) : [];
  return (
    <div class="strip" aria-hidden="true">
      <svg viewBox={`0 0 ${CELLS} 1`} preserveAspectRatio="none">
        {runs.map(({from, cells, step}) => (
          <rect key={from} class={`dirty-${step}`} x={from} y={0} width={cells} height={1} />
        ))}
      </svg>
      <span>0</span>
      <span>{formatDecimalBytes(info.virtualSize)}</span>
    </div>
  );
}

function DirtyRanges({bitmap, info}: {bitmap: LayersBitmap; info: Info}) {
  return (
    <Fold
      class="fold"
      summary={
        <>
          Dirty ranges<span class="hidden"> of bitmap {bitmap.index + 1}</span>
        </>
      }
    >
      <Ranges bitmap={bitmap} clusterSize={info.clusterSize} />
    </Fold>
  );
}

function Ranges({bitmap: {index}, clusterSize}: {bitmap: LayersBitmap; clusterSize: number}) {
  const controller = useController();
  const [starts, setStarts] = useState<readonly string[]>(['0x0']);
  const from = starts.at(-1) ?? '0x0';
  const page = useLoaded(`dirty ${index} ${from}`, () =>
    controller.engine.call('layersDirty', {bitmap: index, from, count: PAGE_SIZE}),
  );
  if (page.step !== 'loaded') {
    return null;
  }
  const {ranges, next} = page.value;
  const show = (start: string) => {
    controller.change({selected: onDisk(0, Math.floor(Number(start) / clusterSize))});
    goTo('map');
  };
  return (
    <>
      <ScrollTable box="ranges" label="Dirty ranges" columns={['From', 'Length', <span class="hidden">Show</span>]}>
        {ranges.map(({start, length}) => (
          <tr key={start}>
            <td class="mono">{start}</td>
            <td>
              {formatBytes(length)} <span class="muted">({formatCount(length)} bytes)</span>
            </td>
            <td>
              <button type="button" class="quiet small" onClick={() => show(start)}>
                Map<span class="hidden"> at {start}</span>
              </button>
            </td>
          </tr>
        ))}
      </ScrollTable>
      {(starts.length > 1 || next !== '') && (
        <TurnPages of="dirty ranges" starts={starts} next={next === '' ? null : next} onStarts={setStarts} />
      )}
    </>
  );
}
