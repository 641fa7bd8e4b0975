import {formatCount} from '../../base/units';
import type {LabState, TablePlace} from '../../model/labstate';
import type {Step, Trace} from '../../model/labtrace';
import {ROWS} from './rows';

interface GutterProps {
  trace: Trace;
  state: LabState;
  step: Step | null;
  width: number;
}

const MIDDLE = (ROWS.stored + ROWS.countedEnd) / 2;

/** The header between the old reftable and the new. It points to the one that counts. */
export function Gutter({trace, state, step, width}: GutterProps) {
  const box = width - 22;
  const wide = width > 140;
  const x = box / 2;
  return (
    <g class="gutter">
      <path class={state.switched ? 'lever off' : 'lever'} d={`M${x} ${MIDDLE - 16}V${ROWS.oldEnd + 9}m-7 9l7-9 7 9`} />
      <path class={state.switched ? 'lever' : 'lever off'} d={`M${x} ${MIDDLE + 16}V${ROWS.new - 9}m-7-9l7 9 7-9`} />
      <g class={step?.act === 'switch-header' ? 'header current' : 'header'}>
        <rect x="0.5" y={MIDDLE - 16} width={box} height="32" rx="6" />
        <text x={x} y={MIDDLE + 4.5} text-anchor="middle">
          Header
        </text>
      </g>
      <Table name={wide ? 'Old reftable' : 'Reftable'} y={ROWS.old} box={box} look={state.freedTable === null ? 'old' : 'old freed'} current={step?.act === 'free-old-table'} place={state.oldTable} length={trace.frame.before.tableClusters} />
      <Table
        name={wide ? 'New reftable' : 'Reftable'}
        y={ROWS.new}
        box={box}
        look={state.table === null ? 'new none' : state.table.written ? 'new written' : 'new placed'}
        current={step !== null && /^(place|free|write|grow|trim)-table$/.test(step.act)}
        place={state.table}
        length={state.tableLength}
      />
    </g>
  );
}

interface TableProps {
  name: string;
  y: number;
  box: number;
  look: string;
  current: boolean;
  place: TablePlace | null;
  /** How many clusters it is known to need. */
  length: number;
}

/** More clusters of a table than this are a number. */
const MOST_SQUARES = 8;

/** A reftable, a square for each of its clusters: so it is seen to grow. */
function Table({name, y, box, look, current, place, length}: TableProps) {
  const height = ROWS.oldEnd - ROWS.old;
  const n = place?.n ?? length;
  const squares = Math.min(n, MOST_SQUARES);
  const start = box / 2 - (squares * 7 - 2) / 2;
  return (
    <g class={`table ${look}${current ? ' current' : ''}`}>
      <path class="bus" d={`M${box} ${y + height / 2}h15m-5-4l5 4-5 4`} />
      <rect x="0.5" y={y} width={box} height={height} rx="6" />
      <text x={box / 2} y={y + (n > 1 ? 16 : height / 2 + 4.5)} text-anchor="middle">
        {name}
      </text>
      {n > 1 &&
        Array.from({length: squares}, (_, i) => <rect key={i} class="square" x={start + i * 7} y={y + 23} width="5" height="8" rx="1" />)}
      {n > MOST_SQUARES && (
        <text class="more" x={box - 5} y={y + 31} text-anchor="end">
          {formatCount(n)}
        </text>
      )}
    </g>
  );
}
