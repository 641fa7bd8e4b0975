import {useState} from 'preact/hooks';
import {formatBytes, formatCount, formatHex} from '../../base/units';
import {inFile, onDisk} from '../../model/map/place';
import {SEVERITIES} from '../../model/severity';
import {PAGE_SIZE} from '../../protocol/ops';
import type {MapRun} from '../../protocol/protocol.gen';
import {useController, useLoaded, useStore} from '../app-context';
import {TurnPages} from '../pager';
import {ProblemText} from '../problem';
import {ScrollTable} from '../scroll-table';
import {SeverityTag} from '../signs';
import {FillSwatch} from '../swatch';
import {useLooksOfKinds} from './use-sight';
import type {Sight} from './use-sight';

/** A map as a table: runs of clusters that look alike. Says all that the picture says. */
export function RunsTable({sight}: {sight: Sight}) {
  const {space, choices, coloured} = sight;
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [troubled, setTroubled] = useState(false);
  // Only these colours are kinds of clusters, which a run has one of.
  const byKind = space === 'guest' ? choices.by !== 'health' : choices.by === 'owner' || choices.by === 'layer' || choices.by === 'dirty';
  const kinds = byKind ? choices.filters[space] : [];
  const source = choices.by === 'layer' && space === 'host' ? coloured.space : coloured.space === 'dirty' ? 'dirty' : space;
  const layer = source === 'dirty' ? coloured.layer : space === 'guest' ? choices.layer : 0;
  const question = `${epoch} ${source} ${layer} ${kinds.join()} ${String(troubled)}`;
  return (
    <>
      <label class="map-choice">
        <input type="checkbox" checked={troubled} onChange={(event) => setTroubled(event.currentTarget.checked)} />
        Only where something is wrong
      </label>
      <RunPages key={question} question={question} sight={sight} request={{space: source, layer, kinds: [...kinds], troubled}} />
    </>
  );
}

interface PagesProps {
  question: string;
  sight: Sight;
  request: {space: string; layer: number; kinds: number[]; troubled: boolean};
}

function RunPages({question, sight, request}: PagesProps) {
  const controller = useController();
  // Where the pages seen so far begin; the last is shown.
  const [starts, setStarts] = useState<readonly number[]>([0]);
  const first = starts.at(-1) ?? 0;
  const loaded = useLoaded(`${question} ${first}`, () => controller.engine.call('mapRuns', {...request, first, count: PAGE_SIZE}));
  if (loaded.step !== 'loaded') {
    return loaded.step === 'failed' ? <ProblemText problem={loaded.problem} /> : <p class="muted">Reading the map.</p>;
  }
  return (
    <>
      <Runs runs={loaded.value.runs} sight={sight} byLayer={request.space === 'links' || request.space === 'dirty'} />
      {(starts.length > 1 || loaded.value.next >= 0) && <TurnPages of="runs" starts={starts} next={loaded.value.next >= 0 ? loaded.value.next : null} onStarts={setStarts} />}
    </>
  );
}

function Runs({runs, sight, byLayer}: {runs: readonly MapRun[]; sight: Sight; byLayer: boolean}) {
  const {space, inside, source} = sight;
  const controller = useController();
  const looks = useLooksOfKinds(sight, byLayer);
  if (runs.length === 0) {
    return <p>There is no such cluster.</p>;
  }
  const size = 2 ** inside.clusterBits;
  const what = byLayer ? ['What'] : [space === 'host' ? 'Owner' : 'What', 'State'];
  const columns = ['Offset', 'Length', 'Clusters', ...what, <span class="hidden">Inspect</span>];
  return (
    <ScrollTable box="tall" class="runs" label={`Runs of clusters of the ${space} map`} columns={columns}>
      {runs.map(({first, count, kind, severity}) => {
        const look = looks.find(({index}) => index === kind);
        const worst = SEVERITIES[severity] ?? 'none';
        return (
          <tr key={first}>
            <th scope="row" class="mono">
              {formatHex(first * size)}
            </th>
            <td>{formatBytes(count * size)}</td>
            <td class="number">{formatCount(count)}</td>
            <td>
              {look !== undefined && <FillSwatch fill={look.fill} texture={look.texture} />} {look?.label ?? 'unknown'}
            </td>
            {!byLayer && <td>{worst === 'none' ? 'fine' : <SeverityTag severity={worst} />}</td>}
            <td>
              <button type="button" class="quiet" onClick={() => controller.change({selected: space === 'host' ? inFile(first) : onDisk(source.layer, first)})}>
                Inspect<span class="hidden"> cluster {first}</span>
              </button>
            </td>
          </tr>
        );
      })}
    </ScrollTable>
  );
}
