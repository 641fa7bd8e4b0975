import type {ComponentChildren} from 'preact';
import {SPEEDS, stageFrom} from '../../model/labclock';
import type {Trace} from '../../model/labtrace';
import type {Playing} from './use-playing';

interface TransportProps {
  trace: Trace;
  playing: Playing;
  /** No motion is wanted: then nothing plays by itself. */
  calm: boolean;
  children: ComponentChildren;
}

/** The buttons under the picture. */
export function Transport({trace, playing, calm, children}: TransportProps) {
  const {position, running, speed, setSpeed, seek, toggle} = playing;
  const {step} = position;
  const last = trace.length - 1;
  return (
    <div class="transport">
      <div class="row">
        <Button name="Stage before" icon="M4 3v10M13 3 6 8l7 5z" disabled={step < 0} onClick={() => seek(stageFrom(trace, step, -1))} />
        <Button name="Step back" icon="M11 3 4 8l7 5z" disabled={step < 0} onClick={() => seek(step - 1)} />
        {!calm && (
          <button type="button" class="primary play" onClick={toggle}>
            <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
              <path d={running ? 'M5 3v10M11 3v10' : 'M4 2.5v11L13.5 8z'} fill={running ? 'none' : 'currentColor'} stroke="currentColor" stroke-width={running ? 2.6 : 1} stroke-linejoin="round" />
            </svg>
            {running ? 'Pause' : 'Play'}
          </button>
        )}
        <Button name="Step forward" icon="M5 3l7 5-7 5z" disabled={step >= last} onClick={() => seek(step + 1)} />
        <Button name="Next stage" icon="M12 3v10M3 3l7 5-7 5z" disabled={step >= last} onClick={() => seek(stageFrom(trace, step, 1))} />
      </div>
      {children}
      {!calm && (
        <label class="choice">
          Speed
          <select value={String(speed)} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
            {SPEEDS.map((factor) => (
              <option key={factor} value={String(factor)}>
                {factor}&times;
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

interface ButtonProps {
  name: string;
  icon: string;
  disabled: boolean;
  onClick: () => void;
}

function Button({name, icon, disabled, onClick}: ButtonProps) {
  return (
    <button type="button" class="icon-button step" aria-label={name} title={name} disabled={disabled} onClick={onClick}>
      <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        <path d={icon} fill="currentColor" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round" />
      </svg>
    </button>
  );
}
