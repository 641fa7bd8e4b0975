import {useState} from 'preact/hooks';
import {hexOf, offsetOf} from '../../model/hexgrid';
import {useController} from '../app-context';
import type {HexState} from './use-hex';

/** What can be looked for from the cursor on; what it is called, and what is said when there is no more of it. */
const WANTED = {
  set: {label: 'field in use', none: 'Nothing but zeros'},
  wrong: {label: 'finding', none: 'No other finding'},
  field: {label: 'field', none: 'No other field'},
} as const;

type Wanted = keyof typeof WANTED;

const NAMES = ['set', 'wrong', 'field'] as const satisfies readonly Wanted[];

/** From field to field: to the next that is in use, that is wrong, or to any. */
export function Find({state}: {state: HexState}) {
  const {engine} = useController();
  const {cursor, other} = state.place;
  const [what, setWhat] = useState<Wanted>('set');
  const [said, setSaid] = useState<{at: bigint; words: string} | null>(null);
  const go = async (step: 1 | -1) => {
    const reply = await engine.call('hexFind', {offset: hexOf(cursor), other, step, what});
    if (!reply.ok) {
      setSaid({at: cursor, words: reply.error.title});
      return;
    }
    const to = offsetOf(reply.value.found ? reply.value.offset : reply.value.stopped);
    if (to !== null) {
      state.jump(to);
    }
    const end = reply.value.stopped === '' ? `${step === 1 ? 'up to the end' : 'down to the start'} of the file` : `up to ${reply.value.stopped}`;
    setSaid(reply.value.found ? null : {at: to ?? cursor, words: `${WANTED[what].none} ${end}.`});
  };
  return (
    <div class="hex-find" role="group" aria-label="Find">
      <div class="switch">
        <button type="button" aria-label={`Previous ${WANTED[what].label}`} onClick={() => void go(-1)}>
          Previous
        </button>
        <button type="button" aria-label={`Next ${WANTED[what].label}`} onClick={() => void go(1)}>
          Next
        </button>
      </div>
      <select
        aria-label="What to look for"
        value={what}
        onChange={(event) => setWhat(NAMES.find((name) => name === event.currentTarget.value) ?? 'set')}
      >
        {NAMES.map((name) => (
          <option key={name} value={name}>
            {WANTED[name].label}
          </option>
        ))}
      </select>
      <p class="muted" aria-live="polite">
        {said?.at === cursor && said.words}
      </p>
    </div>
  );
}
