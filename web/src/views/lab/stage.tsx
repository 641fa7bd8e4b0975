import {useRef} from 'preact/hooks';
import {formatCount, plural} from '../../base/units';
import {barOf, feeds, rangeOf, xOf} from '../../model/labscene';
import type {Axis, Bar} from '../../model/labscene';
import type {LabState} from '../../model/labstate';
import type {Step, Trace} from '../../model/labtrace';
import type {LabReply, LabStructure} from '../../protocol/protocol.gen';
import {Gutter} from './gutter';
import {Lane} from './lane';
import {NewBlocks, OldBlocks} from './blocks';
import {ROWS} from './rows';
import {useWidth} from './use-width';

/** What is left of the axis for header and tables, by the width of the picture. */
function gutterOf(width: number): number {
  return width >= 760 ? 150 : width >= 520 ? 104 : 76;
}

interface StageProps {
  trace: Trace;
  state: LabState;
  step: Step | null;
  reply: LabReply;
}

/**
 * The file's clusters in a line; above it the old refblocks over the clusters that they count, below it the new ones,
 * and beside it the header, which points to the one or the other.
 *
 *     old reftable -> [old refblock][old refblock]
 *     header          --- clusters ---------------
 *     new reftable -> [ new ][ new ][ new ][ new ]
 */
export function Stage({trace, state, step, reply}: StageProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const gutter = gutterOf(width);
  const axis: Axis = {clusters: trace.end, width: Math.max(40, width - gutter - 1)};
  return (
    <div ref={frame} class="stage">
      {width > 0 && (
        <svg
          role="img"
          aria-label={`The refcount structure, over ${plural(trace.end, 'cluster')}: ${stateText(state)}`}
          width={width}
          height={ROWS.height}
          viewBox={`0 0 ${width} ${ROWS.height}`}
          class={state.switched ? 'stage-picture after' : 'stage-picture before'}
        >
          <Gutter trace={trace} state={state} step={step} width={gutter} />
          <g transform={`translate(${gutter} 0)`}>
            <Focus trace={trace} state={state} step={step} axis={axis} rebuild={reply.kind === 'rebuild'} />
            <Name y={ROWS.oldName} which="old" structure={reply.before} width={axis.width} force={!state.switched} />
            <OldBlocks trace={trace} state={state} step={step} axis={axis} />
            <NewBlocks trace={trace} state={state} step={step} axis={axis} />
            <Lane trace={trace} state={state} step={step} axis={axis} />
            <Name y={ROWS.newName} which="new" structure={reply.after} width={axis.width} force={state.switched} />
          </g>
        </svg>
      )}
      <Legend />
    </div>
  );
}

function stateText({switched, placed, written}: LabState): string {
  return `${switched ? 'the new structure' : 'the old structure'} is in force, ${plural(placed, 'new refblock')} placed, ${formatCount(written)} written.`;
}

interface NameProps {
  y: number;
  which: 'old' | 'new';
  structure: LabStructure;
  width: number;
  force: boolean;
}

/** What a row is, and whether it counts. */
function Name({y, which, structure, width, force}: NameProps) {
  const long = `${which === 'old' ? 'Old' : 'New'} refblocks: ${plural(structure.bits, 'bit')} a refcount, ${plural(structure.perRefblock, 'cluster')} a refblock`;
  const short = `${which === 'old' ? 'Old' : 'New'}: ${plural(structure.bits, 'bit')}, ${formatCount(structure.perRefblock)} each`;
  return (
    <g class={`row-name ${which}`}>
      <text x="0" y={y}>
        {width > 520 ? long : short}
      </text>
      <text x={width} y={y} text-anchor="end" class={force ? 'force' : 'force off'}>
        in force
      </text>
    </g>
  );
}

interface FocusProps {
  trace: Trace;
  state: LabState;
  step: Step | null;
  axis: Axis;
  rebuild: boolean;
}

/** What is being read, and the range that feeds the refblock of the step. */
function Focus({trace, state, step, axis, rebuild}: FocusProps) {
  const range = rangeOf(step, trace);
  const bar = range === null ? null : barOf(axis, range, 3);
  const read = state.readTo === null ? 0 : xOf(axis, state.readTo);
  // A rebuild takes nothing from the old refblocks: what feeds the new ones is what was counted.
  const feedsFrom = rebuild ? ROWS.countedEnd : ROWS.oldEnd;
  return (
    <g class="focus">
      {read > 0 && (
        <>
          {!rebuild && <rect class="read" x="0" y={ROWS.oldEnd} width={read} height={ROWS.stored - ROWS.oldEnd} />}
          <path class="head" d={`M${read} ${rebuild ? ROWS.stored - 4 : ROWS.old - 4}V${ROWS.countedEnd + 4}`} />
        </>
      )}
      {bar !== null && step?.act === 'count-references' && <Frame bar={bar} from={ROWS.counted} to={ROWS.countedEnd} />}
      {bar !== null && step?.act === 'compare-counts' && <Frame bar={bar} from={ROWS.stored} to={ROWS.countedEnd} />}
      {bar !== null && feeds(step) && <Band bar={bar} from={feedsFrom} to={ROWS.new} />}
      {bar !== null && (step?.act === 'read-entries' || step?.act === 'skip-empty') && <Band bar={bar} from={ROWS.oldEnd} to={ROWS.countedEnd} />}
    </g>
  );
}

interface RangeProps {
  bar: Bar;
  from: number;
  to: number;
}

function Band({bar, from, to}: RangeProps) {
  return <rect class="band" x={bar.x} y={from} width={bar.width} height={to - from} />;
}

function Frame({bar, from, to}: RangeProps) {
  return <rect class="frame" x={bar.x - 3} y={from - 4} width={bar.width + 6} height={to - from + 8} rx="4" />;
}

const LEGEND = [
  ['force', 'in force'],
  ['written', 'written, not in force'],
  ['placed', 'has a place, not written'],
  ['lines', 'upper line: refcount stored; lower line: references counted'],
  ['differs', 'they differ'],
  ['old', 'of the old structure'],
  ['new', 'of the new structure'],
] as const;

function Legend() {
  return (
    <ul class="stage-legend">
      {LEGEND.map(([look, text]) => (
        <li key={look}>
          <span class={`stage-key ${look}`} /> {text}
        </li>
      ))}
    </ul>
  );
}
