import {useState} from 'preact/hooks';
import {formatBytes, formatDecimalBytes, plural} from '../../base/units';
import {onDisk} from '../../model/map/place';
import type {LayersFreed, LayersLayer, LayersSnapshotsReply} from '../../protocol/protocol.gen';
import {PAGE_SIZE} from '../../protocol/ops';
import {useController, useLoaded} from '../app-context';
import {goTo} from '../go-to';
import {Pager} from '../pager';
import {SeveritySign} from '../signs';
import {Swatch} from '../swatch';
import {ImageText} from '../text';

/** The snapshots: what each holds, what of that nobody else does, and what deleting some would free. */
export function Snapshots({clusterSize}: {clusterSize: number}) {
  const {engine} = useController();
  const [first, setFirst] = useState(0);
  const [chosen, setChosen] = useState<readonly number[]>([]);
  const page = useLoaded(`snapshots ${first}`, () => engine.call('layersSnapshots', {first, count: PAGE_SIZE}));
  if (page.step !== 'loaded') {
    return null;
  }
  const {layers, total, problem} = page.value;
  const toggle = (layer: number, on: boolean) => setChosen(on ? [...chosen, layer] : chosen.filter((n) => n !== layer));
  return (
    <div class="card">
      <h3>{plural(total - 1, 'snapshot')}</h3>
      <p class="muted">
        A snapshot shares with the others and with the disk as it is now what did not change between them. Deleting it frees
        only what nobody else uses.
      </p>
      {problem !== '' && (
        <p>
          The list ends early: <ImageText text={problem} />
        </p>
      )}
      <SnapshotTable layers={layers} chosen={chosen} onToggle={toggle} />
      <Keys />
      <Pager of="snapshots" from={first} size={PAGE_SIZE} total={total} onFrom={setFirst} />
      <Total reply={page.value} chosen={chosen} clusterSize={clusterSize} />
    </div>
  );
}

interface TableProps {
  layers: readonly LayersLayer[];
  /** The layers that are counted as deleted. */
  chosen: readonly number[];
  onToggle: (layer: number, on: boolean) => void;
}

function SnapshotTable({layers, chosen, onToggle}: TableProps) {
  const most = Math.max(1, ...layers.map(heldBy));
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Snapshots">
      <table class="snapshots" role="table">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">Count as deleted</span>
            </th>
            <th scope="col">Snapshot</th>
            <th scope="col" class="picture">
              Refers to
            </th>
            <th scope="col" class="number">
              Only here
            </th>
            <th scope="col" class="number">
              Deleting frees
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {layers.map((layer) => (
            <Row key={layer.layer} layer={layer} most={most} on={chosen.includes(layer.layer)} onToggle={onToggle} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Keys() {
  return (
    <p class="keys">
      <span>
        <i class="only">
          <Swatch owner="snapshot-data" />
        </i>
        only here
      </span>
      <span>
        <i class="shared" />
        shared with other layers
      </span>
    </p>
  );
}

function heldBy({data, state, tables}: LayersLayer): number {
  return data + state + tables;
}

function ownOf({ownData, ownState, ownTables}: LayersLayer): number {
  return ownData + ownState + ownTables;
}

interface RowProps {
  layer: LayersLayer;
  most: number;
  on: boolean;
  onToggle: (layer: number, on: boolean) => void;
}

function Row({layer, most, on, onToggle}: RowProps) {
  const controller = useController();
  const isNow = layer.layer === 0;
  const show = () => {
    controller.change({selected: onDisk(layer.layer, 0)});
    goTo('map');
  };
  return (
    <tr class={isNow ? 'now' : ''} role="row">
      <td role="cell">
        {!isNow && (
          <input
            type="checkbox"
            checked={on}
            aria-label={`Count snapshot ${layer.layer} as deleted`}
            onChange={(event) => onToggle(layer.layer, event.currentTarget.checked)}
          />
        )}
      </td>
      <th scope="row" role="rowheader">
        {isNow ? 'The disk as it is now' : <ImageText text={layer.name === '' ? '(no name)' : layer.name} />}
        <button type="button" class="quiet small" onClick={show}>
          Map<span class="hidden"> of {isNow ? 'the disk as it is now' : `snapshot ${layer.layer}`}</span>
        </button>
        <span class="muted">
          <Facts layer={layer} />
        </span>
      </th>
      <td class="picture" role="cell" data-label="Refers to">
        <Bar layer={layer} most={most} />
        {formatBytes(heldBy(layer))}
      </td>
      <td class="number" role="cell" data-label="Only here">{formatBytes(ownOf(layer))}</td>
      <td class="number" role="cell" data-label={isNow ? undefined : 'Deleting frees'}>
        {!isNow && <Frees freed={layer.freed} />}
      </td>
    </tr>
  );
}

function Facts({layer: {layer, id, date, vmState, diskSize, table}}: {layer: LayersLayer}) {
  return (
    <>
      {layer > 0 && (
        <>
          id <ImageText text={id} />, {new Date(1000 * date).toISOString().slice(0, 16).replace('T', ' ')} UTC,{' '}
        </>
      )}
      {diskSize === '' ? 'disk size not recorded' : `disk ${formatDecimalBytes(diskSize)}`}
      {vmState !== '' && vmState !== '0' && `, machine state ${formatDecimalBytes(vmState)}`}, L1 table at {table}
    </>
  );
}

function Bar({layer, most}: {layer: LayersLayer; most: number}) {
  const width = (bytes: number) => ({width: `${(100 * bytes) / most}%`});
  const own = ownOf(layer);
  return (
    <div class="held" aria-hidden="true">
      <div class="only" style={width(own)}>
        <Swatch owner={layer.layer === 0 ? 'data' : 'snapshot-data'} />
      </div>
      <div class="shared" style={width(heldBy(layer) - own)} />
    </div>
  );
}

/** The list of snapshots is written anew, and may take more clusters than before: then less than nothing is freed. */
function Frees({freed: {bytes, exact}}: {freed: LayersFreed}) {
  const text = formatBytes(Math.max(0, bytes));
  return <>{exact ? text : `at least ${text}`}</>;
}

interface TotalProps {
  reply: LayersSnapshotsReply;
  chosen: readonly number[];
  clusterSize: number;
}

/** What deleting the chosen snapshots together would free. */
function Total({reply, chosen, clusterSize}: TotalProps) {
  const {engine} = useController();
  const freed = useLoaded(`freed ${chosen.join()}`, () => engine.call('layersFreed', {chosen: [...chosen]}));
  return (
    <div class="freed">
      <p role="status">
        {chosen.length === 0 ? (
          <>
            Deleting all of them would free{' '}
            <strong>
              <Frees freed={reply.all} />
            </strong>
            . Choose some to see what these free together: snapshots that share clusters free more than each of them alone.
          </>
        ) : (
          freed.step === 'loaded' && (
            <>
              Deleting the {plural(chosen.length, 'chosen snapshot')} would free{' '}
              <strong>
                <Frees freed={freed.value} />
              </strong>
              , {plural(Math.max(0, freed.value.bytes / clusterSize), 'cluster')}.
            </>
          )
        )}
      </p>
      <p class="muted">
        QEMU deletes a snapshot with <code>qemu-img snapshot -d</code>, while no VM uses the image. The file does not become
        shorter by it: the freed clusters are used again.
      </p>
      {!reply.sound && (
        <p class="caution">
          <SeveritySign severity="warning" />
          The refcounts of this file are not what they should be. Deleting may free less, or do harm: repair the image first.
        </p>
      )}
    </div>
  );
}
