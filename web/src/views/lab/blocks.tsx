import {formatCount} from '../../base/units';
import {barOf, columnPath, linesOf, newRow, oldRow} from '../../model/labscene';
import type {Axis, BlockBox, BlockRow, Columns} from '../../model/labscene';
import type {LabState, Span} from '../../model/labstate';
import type {Step, Trace} from '../../model/labtrace';
import {ROWS} from './rows';

interface BlocksProps {
  trace: Trace;
  state: LabState;
  step: Step | null;
  axis: Axis;
}

const HEIGHT = ROWS.oldEnd - ROWS.old;

export function OldBlocks({trace, state, step, axis}: BlocksProps) {
  const row = oldRow(trace, state, axis);
  const current = step?.act === 'free-old-block' || step?.act === 'create-old-block' ? step.block : -1;
  return (
    <g class="old-blocks">
      <Lines row={row} current={current} from={ROWS.oldEnd} to={ROWS.stored} />
      <Blocks row={row} current={current} y={ROWS.old} />
    </g>
  );
}

export function NewBlocks({trace, state, step, axis}: BlocksProps) {
  const row = newRow(trace, state, axis);
  const about = step !== null && /^(place|keep|write)-block$/.test(step.act);
  const current = about ? step.block : -1;
  return (
    <g class="new-blocks">
      {state.skipped.map((span) => (
        <Gap key={`s${span.from}`} axis={axis} span={span} look="skipped" />
      ))}
      {state.dropped.map((span) => (
        <Gap key={`d${span.from}`} axis={axis} span={span} look="dropped" />
      ))}
      <Lines row={row} current={current} from={ROWS.new} to={ROWS.countedEnd} />
      <Blocks row={row} current={current} y={ROWS.new} />
    </g>
  );
}

/** A range that needs no refblock. */
function Gap({axis, span, look}: {axis: Axis; span: Span; look: 'skipped' | 'dropped'}) {
  if (span.from >= axis.clusters) {
    return null;
  }
  const {x, width} = barOf(axis, span);
  const y = (ROWS.new + ROWS.newEnd) / 2;
  return (
    <g class={look}>
      <path d={`M${x + 3} ${y}H${Math.max(x + 4, x + width - 3)}`} />
      {width > 90 && (
        <text x={x + width / 2} y={y - 6} text-anchor="middle">
          {look === 'skipped' ? 'all free: none needed' : 'left out'}
        </text>
      )}
    </g>
  );
}

function Blocks({row, current, y}: {row: BlockRow; current: number; y: number}) {
  return row.as === 'columns' ? (
    <BlockColumns columns={row.columns} y={y} />
  ) : (
    <>
      {row.boxes.map((box) => (
        <Block key={box.block} box={box} current={box.block === current} y={y} />
      ))}
    </>
  );
}

function BlockColumns({columns, y}: {columns: Columns; y: number}) {
  return (
    <g transform={`translate(0 ${y})`}>
      {columns.shares.map(({look}) => (
        <path key={look} class={`column ${look}`} d={columnPath(columns, look, HEIGHT)} />
      ))}
    </g>
  );
}

function Block({box, current, y}: {box: BlockBox; current: boolean; y: number}) {
  const {block, look, x, width, open} = box;
  const inset = width > 8 ? 1.5 : 0.5;
  const label = width > 84 ? `refblock ${formatCount(block)}` : formatCount(block);
  return (
    <g class={`block ${look}${current ? ' current' : ''}`}>
      <rect x={x + inset} y={y} width={Math.max(1, width - 2 * inset)} height={HEIGHT} rx={Math.min(5, width / 3)} />
      {width > label.length * 7 + 6 && (
        <text x={x + width / 2} y={y + HEIGHT / 2 + 4.5} text-anchor="middle">
          {label}
        </text>
      )}
      {open && width > label.length * 7 + 52 && (
        <text class="on" x={x + width - 8} y={y + HEIGHT / 2 + 4.5} text-anchor="end">
          &rarr;
        </text>
      )}
    </g>
  );
}

/** From each refblock to the cluster where it lies. */
function Lines({row, current, from, to}: {row: BlockRow; current: number; from: number; to: number}) {
  return (
    <>
      {linesOf(row, current).map(({block, x, width, home, look}) => {
        const start = x + width / 2;
        const middle = (from + to) / 2;
        return (
          <path
            key={block}
            class={`home ${look}${block === current ? ' current' : ''}`}
            d={`M${start} ${from}C${start} ${middle} ${home ?? start} ${middle} ${home ?? start} ${to}`}
          />
        );
      })}
    </>
  );
}
