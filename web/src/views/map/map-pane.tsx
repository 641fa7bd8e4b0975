import {formatBytes, formatCount, plural} from '../../base/units';
import type {MapSpace} from '../../model/map/kinds';
import type {Info, MapScan} from '../../protocol/protocol.gen';
import type {Viewpoint} from '../../state/viewpoint';
import {useController, useStore} from '../app-context';
import {ProblemText} from '../problem';
import {LayerChoice} from './layer-choice';
import {Legend} from './legend';
import {MapPicture} from './map-picture';
import {RunsTable} from './runs-table';
import {useLayers} from './use-layers';
import {useViewpoint} from './use-picture';
import type {Sight, SightState} from './use-sight';

const WORDS = {
  host: {label: 'Host map', title: 'The file', says: 'what each cluster of it is used for'},
  guest: {label: 'Guest map', title: 'The disk inside', says: 'what the virtual machine sees'},
} as const;

/** One of the two maps: the clusters of the file, or those of the disk inside. */
export function MapPane({space, info, state}: {space: MapSpace; info: Info; state: SightState}) {
  const viewpoint = useViewpoint();
  const layers = useLayers();
  const {label, title, says} = WORDS[space];
  const bytes = space === 'host' ? info.fileSize : Number(info.virtualSize);
  const choice = space === 'guest' && layers.length > 1;
  return (
    <section class={`map-pane ${space}`} aria-label={label}>
      <div class="pane-head">
        <h3>
          {title}
          <span class="muted">
            {' '}
            {formatBytes(bytes)}
            {!choice && `: ${says}`}
          </span>
        </h3>
        {choice && <LayerChoice layers={layers} />}
      </div>
      {state.step === 'failed' && <ProblemText problem={state.problem} />}
      {state.step === 'reading' && <Reading scan={state.scan} />}
      {state.step === 'ready' && <Shown sight={state.sight} info={info} viewpoint={viewpoint} />}
    </section>
  );
}

function Reading({scan}: {scan: MapScan | null}) {
  return (
    <div class="map-reading">
      <p class="muted">
        Reading the tables{scan !== null && `: ${formatCount(scan.done)} of ${formatCount(scan.total)}`}.
      </p>
      {scan !== null && <progress aria-label="Tables read" value={scan.done} max={Math.max(1, scan.total)} />}
    </div>
  );
}

function Shown({sight, info, viewpoint}: {sight: Sight; info: Info; viewpoint: Viewpoint}) {
  const controller = useController();
  const {mapAs} = useStore(controller.view);
  const scan = useStore(controller.map.scan);
  const incomplete = scan !== null && !scan.complete && (sight.space === 'guest' || sight.coloured.space === 'links');
  if (sight.totals.clusters === 0) {
    return <p>There are no clusters.</p>;
  }
  return (
    <>
      {mapAs === 'picture' ? <MapPicture sight={sight} info={info} viewpoint={viewpoint} /> : <RunsTable sight={sight} />}
      {mapAs === 'picture' && <Fold sight={sight} />}
      {incomplete && <p class="muted">Some tables could not be read or kept: what they say is missing here.</p>}
      <Legend sight={sight} />
    </>
  );
}

/** What is left out at the end, and the way to see it. */
function Fold({sight}: {sight: Sight}) {
  const {space, totals, plane, inside, choices} = sight;
  const controller = useController();
  const {unfolded} = choices;
  const folded = totals.clusters - plane.clusters;
  if (folded === 0 && !unfolded[space]) {
    return null;
  }
  const toggle = () => controller.map.change({unfolded: {...unfolded, [space]: !unfolded[space]}});
  const what = space === 'host' ? 'free' : 'with nothing stored';
  return (
    <p class="map-fold muted">
      {folded > 0 ? `${plural(folded, 'cluster')} ${what} at the end (${formatBytes(folded * 2 ** inside.clusterBits)}), not shown.` : 'All shown.'}
      <button type="button" class="quiet" onClick={toggle}>
        {folded > 0 ? 'Show' : 'Fold the end'}
        <span class="hidden"> of the {space} map</span>
      </button>
    </p>
  );
}
