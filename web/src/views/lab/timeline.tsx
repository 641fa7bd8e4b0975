import {formatCount} from '../../base/units';
import {stageLabel, walksOf} from '../../model/labstages';
import type {Trace} from '../../model/labtrace';

interface StagesProps {
  trace: Trace;
  step: number;
  onSeek: (step: number) => void;
}

interface TrackProps extends StagesProps {
  /** The step in words. */
  valueText: string;
}

/**
 * All steps in a line that can be scrubbed. The thick line is the switch of the header: a crash before it leaves the
 * old structure, after it the new.
 */
export function Track({trace, step, onSeek, valueText}: TrackProps) {
  const {stages} = trace.frame;
  const share = (steps: number) => `${(100 * steps) / Math.max(1, trace.length)}%`;
  const flip = stages.find(({name}) => name === 'switch');
  return (
    <div class="track">
      <div class="track-stages" aria-hidden="true">
        {stages.map((stage) => (
          <span key={stage.first} style={{width: share(stage.kept)}} />
        ))}
        <span class="reached" style={{width: share(step + 1)}} />
      </div>
      {flip !== undefined && (
        <span class="flip" title="The header is switched here" aria-hidden="true" style={{insetInlineStart: share(flip.first + 0.5)}} />
      )}
      <input
        type="range"
        aria-label="Step"
        aria-valuetext={valueText}
        min={0}
        max={trace.length}
        step={1}
        value={step + 1}
        onInput={(event) => onSeek(Number(event.currentTarget.value) - 1)}
      />
    </div>
  );
}

/** The stages by name, to go to the first step of one. */
export function Stages({trace, step, onSeek}: StagesProps) {
  const {stages} = trace.frame;
  const walks = walksOf(stages);
  const current = trace.stageAt(step);
  return (
    <ol class="lab-stages">
      {stages.map((stage) => {
        const {name, note} = stageLabel(stage, walks);
        return (
          <li key={stage.first} class={`of-${stage.name}`}>
            <button type="button" aria-current={stage === current ? 'step' : undefined} onClick={() => onSeek(stage.first)}>
              <strong>{name}</strong> <span>{note}</span>
              <span class="hidden">, from step {formatCount(stage.first + 1)}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
