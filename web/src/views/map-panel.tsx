import type {OpenSession} from '../state/session';
import {changeWords, currentInfo, currentVerdict, isApplied} from '../state/session';
import {useController, useStore} from './app-context';
import {Inspector} from './inspector';
import {Legend} from './legend';
import {MapPicture} from './map-picture';
import {RunsTable} from './runs-table';
import {Section} from './section';

/** The host map: every cluster of the file, as a picture or as a table, and what is known of one of them. */
export function MapPanel({session}: {session: OpenSession}) {
  const controller = useController();
  const {mapAs} = useStore(controller.view);
  const info = currentInfo(session);
  return (
    <Section
      panel="map"
      label="Host map"
      heading={isApplied(session) ? `Map after ${changeWords(session)}` : 'Map'}
      aside={<PictureOrTable />}
    >
      {info.hostClusters > 0 ? (
        <div class="map-grid">
          <div class="card map-card">
            {mapAs === 'picture' ? <MapPicture key={info.hostClusters} info={info} /> : <RunsTable info={info} />}
            <Legend verdict={currentVerdict(session)} />
          </div>
          <Inspector info={info} />
        </div>
      ) : (
        <p>The file has no clusters.</p>
      )}
    </Section>
  );
}

function PictureOrTable() {
  const controller = useController();
  const {mapAs} = useStore(controller.view);
  return (
    <div class="switch" role="group" aria-label="Show the map as">
      {(['picture', 'table'] as const).map((choice) => (
        <button
          key={choice}
          type="button"
          aria-pressed={mapAs === choice}
          onClick={() => controller.change({mapAs: choice})}
        >
          {choice === 'picture' ? 'Picture' : 'Table'}
        </button>
      ))}
    </div>
  );
}
