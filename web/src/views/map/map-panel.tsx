import {useEffect} from 'preact/hooks';
import {plural} from '../../base/units';
import {orderFor} from '../../model/map/choices';
import {extentOf} from '../../model/map/plane';
import type {OpenSession} from '../../state/session';
import {changeWords, currentInfo, currentVerdict, isApplied} from '../../state/session';
import type {Info, Verdict} from '../../protocol/protocol.gen';
import {countsBySeverity} from '../../model/findings';
import {SEVERITIES} from '../../model/severity';
import {useController, useStore} from '../app-context';
import {Inspector} from '../inspector/inspector';
import {Section} from '../section';
import {SeverityTag} from '../signs';
import {MapPane} from './map-pane';
import {MapTools} from './map-tools';
import {useSight, useTables} from './use-sight';
import type {SightState} from './use-sight';

/** Every cluster of the file and of the disk inside, as pictures or as tables, and what is known of one of them. */
export function MapPanel({session}: {session: OpenSession}) {
  const info = currentInfo(session);
  return (
    <Section panel="map" label="Map" heading={isApplied(session) ? `Map after ${changeWords(session)}` : 'Map'} aside={<PictureOrTable />}>
      <Written session={session} />
      {info.hostClusters > 0 ? <Maps info={info} verdict={currentVerdict(session)} /> : <p>The file has no clusters.</p>}
    </Section>
  );
}

/** Which clusters a plan writes to: they have a corner on the map of the file. */
function Written({session}: {session: OpenSession}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const {written} = useStore(controller.map.linked);
  const plan = session.plan.step === 'planned' ? session.plan.plan : null;
  useEffect(() => void controller.map.readWritten(), [controller, plan, epoch]);
  if (written === null) {
    return null;
  }
  const clusters = written.runs.reduce((sum, {count}) => sum + count, 0);
  return (
    <p class="map-written">
      <CornerSign />{' '}
      {isApplied(session) ? 'What was changed' : 'What the plan writes to'} has a corner on the map of the file:{' '}
      {written.more ? 'more than ' : ''}
      {plural(clusters, 'cluster')}.
    </p>
  );
}

function CornerSign() {
  return (
    <svg class="corner-sign" viewBox="0 0 12 12" aria-hidden="true">
      <path d="M0 12 12 0v12z" fill="currentColor" />
    </svg>
  );
}

function Maps({info, verdict}: {info: Info; verdict: Verdict}) {
  const controller = useController();
  const choices = useStore(controller.map.choices);
  const host = useSight('host', info);
  const guest = useSight('guest', info);
  useTables(host.step === 'ready' || choices.by === 'layer' || choices.by === 'order');
  const order = orderFor(choices, host.step === 'ready' ? host.sight.plane.clusters : info.hostClusters);
  return (
    <div class={`map-grid ${choices.show}`} style={{'--map-aspect': aspectOf([host, guest])}}>
      <div class="card map-card">
        <MapTools info={info} order={order} />
        <div class="map-panes">
          {choices.show !== 'guest' && <MapPane space="host" info={info} state={host} />}
          {choices.show !== 'host' && <MapPane space="guest" info={info} state={guest} />}
        </div>
        <Marks verdict={verdict} />
      </div>
      <Inspector info={info} />
    </div>
  );
}

/** How high the higher of the maps is for its width. */
function aspectOf(states: readonly SightState[]): number {
  const aspects = states.map((state) => {
    const extent = state.step === 'ready' ? extentOf(state.sight.plane) : {width: 1, height: 1};
    return extent.height / extent.width;
  });
  return Math.max(...aspects);
}

/** What the marks on the maps mean. */
function Marks({verdict}: {verdict: Verdict}) {
  const controller = useController();
  const {written} = useStore(controller.map.linked);
  const waste = SEVERITIES.indexOf('waste');
  const marked = countsBySeverity(verdict.groups).filter(({severity}) => SEVERITIES.indexOf(severity) >= waste);
  return marked.length === 0 && written === null ? null : (
    <p class="legend-marks">
      Marks:
      {marked.map(({severity}) => (
        <SeverityTag key={severity} severity={severity} />
      ))}
      {written !== null && (
        <span class="legend-corner">
          <CornerSign /> Changed
        </span>
      )}
    </p>
  );
}

function PictureOrTable() {
  const controller = useController();
  const {mapAs} = useStore(controller.view);
  return (
    <div class="switch" role="group" aria-label="Show the map as">
      {(['picture', 'table'] as const).map((choice) => (
        <button key={choice} type="button" aria-pressed={mapAs === choice} onClick={() => controller.change({mapAs: choice})}>
          {choice === 'picture' ? 'Picture' : 'Table'}
        </button>
      ))}
    </div>
  );
}
