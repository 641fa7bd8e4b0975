import {useState} from 'preact/hooks';
import {formatCount} from '../../base/units';
import {OUTCOME_FACTS} from '../../model/crash';
import {outcomePath} from '../../model/crashlayout';
import type {CrashOutcome} from '../../protocol/protocol.gen';
import {Pager} from '../pager';
import {ScrollTable} from '../scroll-table';
import type {CrashSideProps} from './crash-side';

const ROWS_A_PAGE = 25;
const SIGN = 16;

/** The crash points as a table. Says all that the picture says. */
export function CrashTable({side, judged, picked, onPick}: CrashSideProps) {
  const [from, setFrom] = useState(0);
  const [onlyBroken, setOnlyBroken] = useState(false);
  const states = onlyBroken ? brokenStates(judged.states, (state) => judged.state(state)?.outcome) : null;
  const total = states?.length ?? side.states;
  const rows = Array.from({length: Math.min(ROWS_A_PAGE, Math.max(0, total - from))}, (_, i) => states?.[from + i] ?? from + i);
  const which = side.name === 'redirected' ? 'redirected' : 'in place';
  return (
    <>
      <div class="row">
        <label class="check">
          <input
            type="checkbox"
            checked={onlyBroken}
            onChange={(event) => {
              setFrom(0);
              setOnlyBroken(event.currentTarget.checked);
            }}
          />
          <span>
            Only broken ones <span class="hidden">{which}</span>
          </span>
        </label>
        <Pager of={`crash points, ${which}`} from={from} size={ROWS_A_PAGE} total={total} onFrom={setFrom} />
      </div>
      <ScrollTable class="crash-table" label={`Crash points, ${which}`} columns={['Point', 'In flight', 'Landed', 'Torn', 'What is left', 'Leaks']}>
        {rows.map((index) => {
          const state = judged.state(index);
          const flight = side.flights.findIndex(({first, end}) => first <= index && index < end);
          return (
            <tr key={index} aria-current={picked === index ? 'true' : undefined}>
              <th scope="row">
                <button type="button" class="quiet" aria-label={`Crash point ${formatCount(index + 1)}, ${which}`} onClick={() => onPick(index)}>
                  {formatCount(index + 1)}
                </button>
              </th>
              <td>{flight < 0 ? 'all done' : formatCount(flight + 1)}</td>
              <td>{state === null || flight < 0 ? '' : `${formatCount(state.landed)} of ${formatCount(side.flights[flight]?.sectors ?? 0)}`}</td>
              <td>{state === null || flight < 0 ? '' : formatCount(state.torn)}</td>
              <td>{state === null ? 'not judged yet' : <OutcomeTag outcome={state.outcome} />}</td>
              <td>{state === null ? '' : formatCount(state.leaks)}</td>
            </tr>
          );
        })}
      </ScrollTable>
    </>
  );
}

function brokenStates(states: number, outcome: (state: number) => CrashOutcome | undefined): number[] {
  const broken: number[] = [];
  for (let state = 0; state < states; state++) {
    const what = outcome(state);
    if (what !== undefined && !OUTCOME_FACTS[what].safe) {
      broken.push(state);
    }
  }
  return broken;
}

/** Shape and word of an outcome. */
export function OutcomeTag({outcome}: {outcome: CrashOutcome}) {
  const {word, safe} = OUTCOME_FACTS[outcome];
  return (
    <span class={safe ? 'crash-tag safe' : 'crash-tag broken'}>
      <svg width={SIGN} height={SIGN} aria-hidden="true">
        <path d={outcomePath(outcome, 0, 0, SIGN)} fill-rule="evenodd" />
      </svg>
      {word}
    </span>
  );
}
