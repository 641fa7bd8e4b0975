import {formatBytes, formatCount, formatHex} from '../../base/units';
import {STATE_FACTS} from '../../model/map/states';
import type {SubclusterState} from '../../model/map/states';
import {deedText, cellRuns, cellsOf, pieceLabel, pieceText, runsOf, stateNamed, stateText} from '../../model/writecells';
import type {Cell, States} from '../../model/writecells';
import {CELLS, clustersOf, detailGrid, stripGrid} from '../../model/writerange';
import type {Disk, Edge, Grid, Span} from '../../model/writerange';
import type {QueuedWrite, WritePlanReply, WriteRequest} from '../../protocol/protocol.gen';
import {ScrollTable} from '../scroll-table';
import {Axis, Row, SpanBar, StateCells} from './write-cells';
import {Picker} from './write-picker';
import {Lane} from './write-lanes';

interface PictureProps {
  disk: Disk;
  cluster: number;
  states: States;
  request: WriteRequest;
  /** null while there is none. */
  plan: WritePlanReply | null;
  /** Writes in flight; then the plan of a write alone is of no use. */
  queue: readonly QueuedWrite[] | null;
  onSpan: (span: Span, moved: Edge | null) => void;
  onCluster: (cluster: number) => void;
}

const ROW_NAMES: Record<string, string> = {write: 'This write', zero: 'These zeroes', discard: 'This discard'};

/** The clusters around the range, and the one that is shown large, before, while and after the request is done. */
export function WritePicture(props: PictureProps) {
  const {disk, cluster, states, request, plan, queue} = props;
  const grid = detailGrid(disk, cluster);
  const cells = cellsOf(grid, disk, states, queue === null ? plan : null);
  const first = disk.extended ? 0 : grid.start / disk.clusterSize;
  return (
    <div class="w-picture">
      {disk.extended && <Strip {...props} />}
      <Places {...props} />
      <Picker grid={grid} span={request} onSpan={props.onSpan} handles>
        <Axis grid={grid} first={first} />
        <Row name="Before">
          <StateCells states={cells.map(({before}) => before)} />
        </Row>
        <Row name={queue === null ? (ROW_NAMES[request.kind] ?? '') : 'Next'} look="w-now">
          <SpanBar grid={grid} span={request} look={`w-this ${request.kind}`} text={formatBytes(request.length)} />
        </Row>
        {queue === null ? (
          <PlanRows grid={grid} cells={cells} plan={plan} />
        ) : (
          queue.map((write) => <Lane key={write.number} grid={grid} write={write} />)
        )}
      </Picker>
      <Legend cells={cells} plan={plan} inFlight={queue !== null} />
      <CellTable cells={cells} first={first} disk={disk} />
    </div>
  );
}

function PlanRows({grid, cells, plan}: {grid: Grid; cells: readonly Cell[]; plan: WritePlanReply | null}) {
  return (
    <>
      <Row name="Copied" look="w-copied">
        {plan?.pieces.map((piece, i) => {
          const {text, letter} = pieceLabel(piece);
          const span = {offset: piece.guest, length: piece.length};
          return (
            <SpanBar
              key={i}
              grid={grid}
              span={span}
              look={piece.deed}
              text={text}
              size={piece.deed === 'skipped' ? undefined : formatBytes(piece.length)}
              letter={letter}
              more={piece.why}
              title={`${formatHex(piece.guest)}, ${formatBytes(piece.length)}: ${pieceText(piece)}`}
            />
          );
        })}
      </Row>
      <Row name="After">
        <StateCells states={cells.map(({after}) => after)} changed={cells.map(({before, after, deeds}) => before !== after || deeds !== 0)} />
      </Row>
    </>
  );
}

/** Clusters side by side in miniature, to pick a range over several of them. */
function Strip({disk, cluster, states, request, onSpan, onCluster}: PictureProps) {
  const grid = stripGrid(disk, cluster);
  const first = grid.start / disk.clusterSize;
  return (
    <div class="w-strip" role="group" aria-label={`Clusters ${formatCount(first)} to ${formatCount(first + grid.cells - 1)}`}>
      <span class="w-name" aria-hidden="true">
        Clusters
      </span>
      <Picker
        grid={grid}
        span={request}
        handles={false}
        onSpan={(span, moved) => {
          onSpan(span, null);
          onCluster(Math.floor((moved === 'start' ? span.offset : span.offset + span.length - 1) / disk.clusterSize));
        }}
      >
        <div class="w-cells small">
          {Array.from({length: grid.cells}, (_, i) => (
            <Miniature key={i} states={miniature(states, first + i)} on={first + i === cluster} />
          ))}
        </div>
      </Picker>
    </div>
  );
}

function miniature(states: States, cluster: number): SubclusterState[] {
  const at = (cluster - states.first) * CELLS;
  return Array.from({length: CELLS}, (_, k) => stateNamed(states.bytes[at + k]));
}

function Miniature({states, on}: {states: readonly SubclusterState[]; on: boolean}) {
  return (
    <svg class={on ? 'w-mini on' : 'w-mini'} viewBox={`0 0 ${CELLS} 1`} preserveAspectRatio="none" aria-hidden="true">
      {runsOf(states).map(({state, from, count}) => (
        <rect key={from} class={state} x={from} width={count} y={0} height={1} />
      ))}
    </svg>
  );
}

/** Which clusters are shown, and the way to others. */
function Places({disk, cluster, request, onCluster}: PictureProps) {
  const last = clustersOf(disk) - 1;
  const step = disk.extended ? 1 : CELLS;
  const first = disk.extended ? cluster : Math.floor(cluster / CELLS) * CELLS;
  const end = Math.min(last, first + step - 1);
  const from = Math.floor(request.offset / disk.clusterSize);
  const to = Math.floor((request.offset + request.length - 1) / disk.clusterSize);
  const shown = from <= end && to >= first;
  const what = disk.extended ? 'cluster' : 'clusters';
  return (
    <div class="w-places row">
      <button type="button" class="quiet" disabled={first === 0} aria-label={`Previous ${what}`} onClick={() => onCluster(first - step)}>
        &lsaquo;
      </button>
      <p>
        <strong>{disk.extended ? `Cluster ${formatCount(cluster)}` : `Clusters ${formatCount(first)} to ${formatCount(end)}`}</strong>{' '}
        <span class="muted">
          of {formatCount(last + 1)}, {disk.extended ? `32 subclusters of ${formatBytes(disk.clusterSize / CELLS)}` : `${formatBytes(disk.clusterSize)} each`}
        </span>
      </p>
      <button type="button" class="quiet" disabled={end === last} aria-label={`Next ${what}`} onClick={() => onCluster(Math.min(last, first + step))}>
        &rsaquo;
      </button>
      {(!shown || from < first || to > end) && (
        <p class="w-span">
          The range is in clusters {formatCount(from)} to {formatCount(to)}.{' '}
          <button type="button" class="quiet" onClick={() => onCluster(from)}>
            Its start
          </button>
          <button type="button" class="quiet" onClick={() => onCluster(to)}>
            Its end
          </button>
        </p>
      )}
    </div>
  );
}

/** Only what is to be seen just now, so that it stays short. */
function Legend({cells, plan, inFlight}: {cells: readonly Cell[]; plan: WritePlanReply | null; inFlight: boolean}) {
  const states = new Set(cells.flatMap(({before, after}) => [before, after]));
  const pieces = new Map(plan?.pieces.map((piece) => [piece.deed, piece]));
  return (
    <ul class="w-legend" aria-label="Legend">
      {[...states].map((state) => (
        <li key={state}>
          <span class={`w-cell ${state}`}>{STATE_FACTS[state].letter === 'A' ? '' : STATE_FACTS[state].letter}</span> {stateText(state)}
        </li>
      ))}
      {inFlight ? (
        LANE_LEGEND.map(([look, text]) => (
          <li key={look}>
            <span class={`w-key w-bar ${look}`} /> {text}
          </li>
        ))
      ) : (
        <>
          {[...pieces].map(([deed, piece]) => (
            <li key={deed}>
              <span class={`w-key w-bar ${deed}`}>
                <span class="w-short">{pieceLabel(piece).letter}</span>
              </span>{' '}
              {deed === 'skipped' ? 'left alone' : `from ${{copied: 'the old cluster', decompressed: 'the compressed cluster', backing: 'the backing file', filled: 'nowhere: filled with zeros'}[deed] ?? ''}`}
            </li>
          ))}
          <li>
            <span class="w-cell data changed" /> touched by the request
          </li>
        </>
      )}
    </ul>
  );
}

const LANE_LEGEND = [
  ['w-this write', 'picked next'],
  ['flying', 'in flight'],
  ['keeps', 'kept from all others meanwhile'],
  ['waits', 'must wait'],
  ['written', 'written'],
] as const;

/** The picture as a table. */
function CellTable({cells, first, disk}: {cells: readonly Cell[]; first: number; disk: Disk}) {
  const unit = disk.extended ? 'Subclusters' : 'Clusters';
  return (
    <details class="w-table">
      <summary>The same as a table</summary>
      <ScrollTable label={`${unit} as a table`} columns={[unit, 'Before', 'What happens', 'After']}>
        {cellRuns(cells).map(({from, count, before, deeds, after}) => (
          <tr key={from}>
            <th scope="row">{count === 1 ? formatCount(first + from) : `${formatCount(first + from)} to ${formatCount(first + from + count - 1)}`}</th>
            <td>{stateText(before)}</td>
            <td>{deeds === 0 ? 'nothing' : deedText(deeds)}</td>
            <td>{stateText(after)}</td>
          </tr>
        ))}
      </ScrollTable>
    </details>
  );
}
