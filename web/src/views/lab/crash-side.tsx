import {useRef} from 'preact/hooks';
import {formatBytes, formatCount, formatShare, plural} from '../../base/units';
import {flightTitle, OUTCOME_FACTS, sampleText, stateText} from '../../model/crash';
import type {Judged} from '../../model/crash';
import type {CrashSide} from '../../protocol/protocol.gen';
import {SeveritySign} from '../signs';
import {ImageText} from '../text';
import {CrashPicture} from './crash-picture';
import {CrashTable} from './crash-table';

export interface CrashSideProps {
  side: CrashSide;
  judged: Judged;
  /** The state that is looked at, if it is of this side. */
  picked: number | null;
  onPick: (state: number) => void;
  /** Where the change in place waits for the disk. */
  flushes: string;
}

const NAMES: Record<string, {heading: string; text: string}> = {
  redirected: {heading: 'Redirected', text: 'Free clusters first, then one write that switches over.'},
  'in-place': {heading: 'In place', text: 'The same change, written over what is there, as QEMU does it.'},
};

const UNFLUSHED = 'The same change, written over what is there, and the disk never waited for.';

/** One way to make the change: its crash points in time, and how many of them are broken. */
export function CrashSideView({as, ...props}: CrashSideProps & {as: 'picture' | 'table'}) {
  const {side, judged, flushes} = props;
  const {heading, text} = NAMES[side.name] ?? {heading: side.name, text: ''};
  return (
    <section class="crash-side" aria-label={heading}>
      <div class="crash-side-head">
        <h4>{heading}</h4>
        <p class="muted">{side.name === 'in-place' && flushes === 'none' ? UNFLUSHED : text}</p>
        <Score judged={judged} />
      </div>
      {side.unsafe.length > 0 && (
        <ul class="redirect-cannot">
          {side.unsafe.map((why) => (
            <li key={why}>
              <SeveritySign severity="warning" /> No safe order: <ImageText text={why} />
            </li>
          ))}
        </ul>
      )}
      {as === 'picture' ? <Timeline {...props} /> : <CrashTable {...props} />}
      <Flights {...props} />
    </section>
  );
}

/** The one number that counts. */
function Score({judged: {broken, known}}: {judged: Judged}) {
  return (
    <p class={broken > 0 ? 'crash-score broken' : 'crash-score safe'}>
      <SeveritySign severity={broken > 0 ? 'danger' : known > 0 ? 'none' : 'note'} />
      <strong>
        {formatCount(broken)} of {formatCount(known)}
      </strong>{' '}
      broken{broken > 0 && `, ${formatShare(broken, known)}`}
    </p>
  );
}

/** The crash points in time: to be clicked, and to be gone through by keys. */
function Timeline(props: CrashSideProps) {
  const {side, judged, picked, onPick} = props;
  const slider = useRef<HTMLInputElement>(null);
  const name = NAMES[side.name]?.heading ?? side.name;
  const at = picked ?? 0;
  const pick = (state: number) => {
    onPick(state);
    slider.current?.focus({preventScroll: true});
  };
  return (
    <>
      <CrashPicture {...props} onPick={pick} />
      <div class="crash-track">
        <input
          ref={slider}
          type="range"
          aria-label={`Crash point, ${name.toLowerCase()}`}
          aria-valuetext={valueText(side, at, judged)}
          min={0}
          max={side.states - 1}
          step={1}
          value={at}
          onInput={(event) => onPick(Number(event.currentTarget.value))}
        />
        <BrokenButtons {...props} />
      </div>
    </>
  );
}

function valueText(side: CrashSide, at: number, judged: Judged): string {
  const state = judged.state(at);
  const outcome = state === null ? 'not judged yet' : OUTCOME_FACTS[state.outcome].word;
  return `${stateText(side, at, judged)}: ${outcome}`;
}

function BrokenButtons({side, judged, picked, onPick}: CrashSideProps) {
  if (judged.broken === 0) {
    return null;
  }
  const from = picked ?? -1;
  const before = judged.nextBroken(from, -1);
  const after = judged.nextBroken(from, 1);
  const of = side.name === 'redirected' ? 'redirected' : 'in place';
  return (
    <div class="row">
      <button
        type="button"
        aria-label={`Previous broken, ${of}`}
        disabled={before === null}
        onClick={() => before !== null && onPick(before)}
      >
        Previous broken
      </button>
      <button type="button" aria-label={`Next broken, ${of}`} disabled={after === null} onClick={() => after !== null && onPick(after)}>
        Next broken
      </button>
    </div>
  );
}

/** What is in flight together, and how much of what can happen is looked at. */
function Flights({side, onPick}: CrashSideProps) {
  return (
    <ol class="crash-flights">
      {side.flights.map((flight, i) => (
        <li key={flight.first} class={flight.kind}>
          <button type="button" class="quiet" onClick={() => onPick(flight.first)}>
            Flight {i + 1}
          </button>{' '}
          <span>
            <strong>{flightTitle(flight, side.name === 'redirected')}</strong>: {plural(flight.writes, 'write')},{' '}
            {formatBytes(flight.bytes)} in {plural(flight.sectors, 'sector')}; {sampleText(flight)}.
          </span>
        </li>
      ))}
    </ol>
  );
}
