import {useState} from 'preact/hooks';
import {formatBytes, formatCount, formatHex} from '../base/units';
import {failure, ok} from '../base/result';
import {readRuns} from '../model/clusterruns';
import type {RunFilter, RunPage} from '../model/clusterruns';
import {inFile} from '../model/map/place';
import {OWNER_FACTS, OWNERS} from '../model/owners';
import type {Owner} from '../model/owners';
import {problemOf} from '../engine/problems';
import type {Info} from '../protocol/protocol.gen';
import {PAGE_SIZE} from '../protocol/ops';
import {useController, useLoaded, useStore} from './app-context';
import {ProblemText} from './problem';
import {SeverityTag} from './signs';
import {Swatch} from './swatch';

/** The map as a table: runs of clusters that look alike. Says all that the picture says. */
export function RunsTable({info}: {info: Info}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [filter, setFilter] = useState<RunFilter>('all');
  // Where the pages seen so far begin; the last is shown.
  const [starts, setStarts] = useState<readonly number[]>([0]);
  const first = starts.at(-1) ?? 0;
  const loaded = useLoaded(`${epoch} ${filter} ${first}`, async () => {
    const read = async (from: number, cells: number) => {
      const reply = await controller.engine.call('tile', {first: from, perCell: 1, cells});
      if (!reply.ok) {
        throw Object.assign(new Error(reply.error.title), {problem: reply.error});
      }
      return reply.value;
    };
    return readRuns(read, info.hostClusters, first, filter, PAGE_SIZE).then(ok, (error: unknown) => failure(problemOf(error)));
  });
  return (
    <>
      <div class="map-tools">
        <p>Runs of clusters that belong to the same owner, in the order of the file.</p>
        <FilterChoice
          filter={filter}
          onFilter={(next) => {
            setFilter(next);
            setStarts([0]);
          }}
        />
      </div>
      {loaded.step === 'loading' && <p class="muted">Reading the map.</p>}
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {loaded.step === 'loaded' && (
        <>
          <Runs page={loaded.value} info={info} />
          {(starts.length > 1 || loaded.value.next !== null) && (
            <RunPager page={loaded.value} starts={starts} onStarts={setStarts} />
          )}
        </>
      )}
    </>
  );
}

interface RunPagerProps {
  page: RunPage;
  starts: readonly number[];
  onStarts: (starts: readonly number[]) => void;
}

/** How many pages there are is not known before all is read, so there is only forth and back. */
function RunPager({page, starts, onStarts}: RunPagerProps) {
  return (
    <div class="pager" role="group" aria-label="Pages of runs">
      <button type="button" disabled={starts.length === 1} onClick={() => onStarts(starts.slice(0, -1))}>
        Previous<span class="hidden"> runs</span>
      </button>
      <button type="button" disabled={page.next === null} onClick={() => onStarts([...starts, page.next ?? 0])}>
        Next<span class="hidden"> runs</span>
      </button>
    </div>
  );
}

function FilterChoice({filter, onFilter}: {filter: RunFilter; onFilter: (filter: RunFilter) => void}) {
  return (
    <label class="choice">
      Show
      <select value={filter} onChange={(event) => onFilter(event.currentTarget.value as 'all' | 'trouble' | Owner)}>
        <option value="all">all clusters</option>
        <option value="trouble">only where something is wrong</option>
        {OWNERS.map((owner) => (
          <option key={owner} value={owner}>
            only: {OWNER_FACTS[owner].label}
          </option>
        ))}
      </select>
    </label>
  );
}

function Runs({page, info}: {page: RunPage; info: Info}) {
  const controller = useController();
  if (page.runs.length === 0) {
    return <p>There is no such cluster.</p>;
  }
  return (
    <div class="scroll tall" tabIndex={0} role="group" aria-label="Runs of clusters">
      <table class="runs">
        <thead>
          <tr>
            <th scope="col">Offset</th>
            <th scope="col">Length</th>
            <th scope="col">Clusters</th>
            <th scope="col">Owner</th>
            <th scope="col">State</th>
            <th scope="col">
              <span class="hidden">Inspect</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {page.runs.map(({first, clusters, owner, severity}) => (
            <tr key={first}>
              <th scope="row" class="mono">
                {formatHex(first * info.clusterSize)}
              </th>
              <td>{formatBytes(clusters * info.clusterSize)}</td>
              <td class="number">{formatCount(clusters)}</td>
              <td>
                <Swatch owner={owner} /> {OWNER_FACTS[owner].label}
              </td>
              <td>{severity === 'none' ? 'fine' : <SeverityTag severity={severity} />}</td>
              <td>
                <button type="button" class="quiet" onClick={() => controller.change({selected: inFile(first)})}>
                  Inspect<span class="hidden"> cluster {first}</span>
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
