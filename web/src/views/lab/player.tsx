import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {formatCount} from '../../base/units';
import {stageFrom} from '../../model/labclock';
import {stateAt} from '../../model/labstate';
import type {LabState} from '../../model/labstate';
import {ACT_LABELS} from '../../model/labtrace';
import type {Trace} from '../../model/labtrace';
import type {LabReply} from '../../protocol/protocol.gen';
import {useMedia} from '../app-context';
import {CloseUp} from './close-up';
import {Stage} from './stage';
import {StepList} from './step-list';
import {Stages, Track} from './timeline';
import {Transport} from './transport';
import {usePlaying} from './use-playing';
import {useWords} from './use-words';

interface PlayerProps {
  trace: Trace;
  reply: LabReply;
}

/** How a structure comes about: as a picture that can be played, or as the list of its steps. */
export function Player({trace, reply}: PlayerProps) {
  const calm = useMedia('(prefers-reduced-motion: reduce)');
  const [chosen, setChosen] = useState<'picture' | 'table' | null>(null);
  const as = chosen ?? (calm ? 'table' : 'picture');
  return (
    <div class="lab-player" role="group" aria-label="Player">
      <div class="lab-player-head">
        <h3>How it comes about</h3>
        <div class="switch" role="group" aria-label="Show the steps as">
          {(['picture', 'table'] as const).map((choice) => (
            <button key={choice} type="button" aria-pressed={as === choice} onClick={() => setChosen(choice)}>
              {choice === 'picture' ? 'Picture' : 'Table'}
            </button>
          ))}
        </div>
      </div>
      {as === 'picture' ? <PicturePlayer trace={trace} reply={reply} calm={calm} /> : <StepList trace={trace} />}
    </div>
  );
}

function PicturePlayer({trace, reply, calm}: PlayerProps & {calm: boolean}) {
  const playing = usePlaying(trace);
  const {step} = playing.position;
  const state = useStateAt(trace, step);
  const current = step < 0 ? null : trace.step(step);
  const words = useWords(trace, step);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'PageDown' || event.key === 'PageUp') {
      event.preventDefault();
      playing.seek(stageFrom(trace, step, event.key === 'PageDown' ? 1 : -1));
    } else if (event.key === ' ' && !calm && !(event.target instanceof HTMLButtonElement || event.target instanceof HTMLSelectElement)) {
      event.preventDefault();
      playing.toggle();
    }
  };
  return (
    <div class="lab-picture" onKeyDown={onKeyDown}>
      <div class="lab-words">
        <div>
          <p class="kicker">
            {stepText(trace, step)}
            {current !== null && <span> {ACT_LABELS[current.act]}</span>}
          </p>
          <p class="lab-reason">{words}</p>
        </div>
        <p class={state.switched ? 'lab-crash new' : 'lab-crash old'}>{crashText(state)}</p>
      </div>
      <Stage trace={trace} state={state} step={current} reply={reply} />
      <Transport trace={trace} playing={playing} calm={calm}>
        <Track
          trace={trace}
          step={step}
          onSeek={playing.seek}
          valueText={current === null ? stepText(trace, step) : `${stepText(trace, step)}, ${ACT_LABELS[current.act]}`}
        />
      </Transport>
      <Stages trace={trace} step={step} onSeek={playing.seek} />
      <Spoken text={playing.running ? '' : words} />
      <CloseUp trace={trace} state={state} step={current} reply={reply} running={playing.running} />
    </div>
  );
}

function useStateAt(trace: Trace, step: number): LabState {
  const last = useRef<{trace: Trace; state: LabState} | null>(null);
  return useMemo(() => {
    const earlier = last.current?.trace === trace ? last.current.state : null;
    // The state is changed in place; a new object tells that it has.
    const state = {...stateAt(trace, step, earlier)};
    last.current = {trace, state};
    return state;
  }, [trace, step]);
}

function stepText(trace: Trace, step: number): string {
  const total = formatCount(trace.length);
  return step < 0 ? `Before the first of ${total} steps` : `Step ${formatCount(step + 1)} of ${total}`;
}

/** What would be left if the computer stopped after this step. */
function crashText({switched, written, table}: LabState): string {
  if (switched) {
    return 'A crash now leaves the new structure.';
  }
  return written > 0 || table?.written === true
    ? 'A crash now leaves the old structure: nothing points to the new one yet.'
    : 'A crash now leaves the old structure.';
}

/** What a screen reader says: once the playing rests, not at every step. */
function Spoken({text}: {text: string}) {
  const [spoken, setSpoken] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSpoken(text), 350);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="hidden" aria-live="polite">
      {spoken}
    </p>
  );
}
