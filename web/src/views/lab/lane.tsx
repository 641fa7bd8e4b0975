import {useMemo} from 'preact/hooks';
import {formatCount} from '../../base/units';
import {freedSpans, lanePath, laneRuns, newMarks, ticksOf, xOf} from '../../model/labscene';
import type {Axis, LaneRun, LaneRuns} from '../../model/labscene';
import type {LabState} from '../../model/labstate';
import type {Step, Trace} from '../../model/labtrace';
import {useController, useLoaded, useStore} from '../app-context';
import {ROWS} from './rows';

/** So many cells the lane is made of, at most. */
const MOST_CELLS = 1024;
const HEIGHT = ROWS.storedEnd - ROWS.stored;
/** The clusters of the new structure reach out of the lane, so that they are told apart by their shape too. */
const REACH = 6;
const NO_RUNS: LaneRuns = {stored: [], counted: [], differ: [], old: []};

interface LaneProps {
  trace: Trace;
  state: LabState;
  step: Step | null;
  axis: Axis;
}

/** All clusters in two lines: what the old refcounts say, and what was counted; and where the structures lie. */
export function Lane({trace, state, step, axis}: LaneProps) {
  const runs = useLane(trace.end);
  return (
    <g class="lane">
      <g transform={`translate(0 ${ROWS.stored})`}>
        <rect class="ground" width={axis.width} height={HEIGHT} rx="2" />
        <Thirds runs={runs.stored} axis={axis} />
        <path class="old" d={lanePath(axis, runs.old, HEIGHT, true)} />
        <path class="freed" d={lanePath(axis, freedSpans(trace, state), HEIGHT, true)} />
        <Marker step={step} axis={axis} />
      </g>
      <path class="differ" transform={`translate(0 ${ROWS.storedEnd + 1})`} d={lanePath(axis, runs.differ, 3, false)} />
      <g transform={`translate(0 ${ROWS.counted})`}>
        <rect class="ground" width={axis.width} height={HEIGHT} rx="2" />
        <Thirds runs={runs.counted} axis={axis} />
        <path class={state.switched ? 'new' : 'new draft'} d={lanePath(axis, newMarks(trace, state, axis), HEIGHT + REACH, true)} />
      </g>
      {ticksOf(axis).map((cluster) => (
        <text key={cluster} class="tick" x={xOf(axis, cluster)} y={ROWS.ticks} text-anchor={cluster === 0 ? 'start' : 'middle'}>
          {formatCount(cluster)}
        </text>
      ))}
    </g>
  );
}

/** The more of the clusters are in use, the darker. */
function Thirds({runs, axis}: {runs: readonly LaneRun[]; axis: Axis}) {
  return (
    <>
      {[1, 2, 3].map((thirds) => (
        <path key={thirds} class={`used of-${thirds}`} d={lanePath(axis, runs.filter((run) => run.thirds === thirds), HEIGHT, true)} />
      ))}
    </>
  );
}

function useLane(clusters: number): LaneRuns {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const perCell = Math.ceil(clusters / MOST_CELLS);
  const cells = Math.ceil(clusters / perCell);
  const loaded = useLoaded(`${epoch} ${clusters}`, () => controller.engine.call('labLane', {perCell, cells}));
  return useMemo(() => (loaded.step === 'loaded' ? laneRuns(loaded.value, perCell) : NO_RUNS), [loaded, perCell]);
}

/** The cluster that the step is about. */
function Marker({step, axis}: {step: Step | null; axis: Axis}) {
  if (step === null || step.at <= 0) {
    return null;
  }
  const x = xOf(axis, step.at + 0.5);
  const text = formatCount(step.at);
  const half = text.length * 4.2 + 6;
  const middle = Math.max(half, Math.min(axis.width - half, x));
  return (
    <g class="marker">
      <path d={`M${x} -3l-5 -7h10z`} />
      <rect x={middle - half} y="-28" width={2 * half} height="18" rx="9" />
      <text x={middle} y="-15" text-anchor="middle">
        {text}
      </text>
    </g>
  );
}
