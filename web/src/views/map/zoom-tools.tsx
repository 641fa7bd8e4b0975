import {fitScale} from '../../model/map/camera';
import {closestScale, ROOMY_CLUSTER, SPLIT_CLUSTER} from '../../model/map/grain';
import type {Stage} from '../../model/map/grain';
import {stageNow} from '../../render/map/picture';
import {isWhole} from '../../state/viewpoint';
import type {Looking, Viewpoint} from '../../state/viewpoint';
import {useDerived} from '../app-context';

/** The steps of the one zoom that goes from the whole to single bytes. */
const STEPS: readonly {stage: Stage; label: string; scale: (looking: Looking) => number}[] = [
  {stage: 'file', label: 'Whole', scale: ({bounds, screen}) => fitScale(bounds, screen)},
  {stage: 'cluster', label: 'Clusters', scale: () => ROOMY_CLUSTER * 4},
  {stage: 'subcluster', label: 'Inside', scale: () => SPLIT_CLUSTER * 2},
  {stage: 'bytes', label: 'Bytes', scale: ({inside}) => closestScale(inside)},
];

/** Zoom by buttons: step by step, or to where clusters, what is inside them, or bytes can be seen. */
export function ZoomTools({viewpoint, name}: {viewpoint: Viewpoint; name: string}) {
  const now = useDerived(viewpoint.now, stepOf);
  const go = (scale: (looking: Looking) => number) => {
    const looking = viewpoint.now.value;
    if (looking !== null) {
      viewpoint.scaleTo(scale(looking));
    }
  };
  return (
    <div class="zoom-tools" role="group" aria-label={`Zoom of the ${name}`}>
      <button type="button" aria-label={`Zoom out, ${name}`} disabled={now.farthest} onClick={() => viewpoint.step(1 / 2)}>
        &minus;
      </button>
      {STEPS.map(({stage, label, scale}) => (
        <button key={stage} type="button" class="zoom-step" aria-pressed={now.stage === stage} onClick={() => go(scale)}>
          {label}
        </button>
      ))}
      <button type="button" aria-label={`Zoom in, ${name}`} disabled={now.closest} onClick={() => viewpoint.step(2)}>
        +
      </button>
    </div>
  );
}

interface Step {
  stage: Stage;
  farthest: boolean;
  closest: boolean;
}

function stepOf(looking: Looking | null): Step {
  if (looking === null) {
    return {stage: 'file', farthest: true, closest: true};
  }
  const {camera, bounds} = looking;
  const farthest = isWhole(looking);
  // All of a small file shows its clusters at once: the whole is still what it is.
  return {stage: farthest ? 'file' : stageNow(looking), farthest, closest: camera.scale >= bounds.closest * 0.999};
}
