import {useState} from 'preact/hooks';
import {formatCount} from '../../base/units';
import {hexOf, offsetOf} from '../../model/hexgrid';
import {parseTarget, TARGET_EXAMPLES} from '../../model/target';
import type {HexChangeReply, Info} from '../../protocol/protocol.gen';
import {byteOf} from '../../state/goto';
import {useController, useLoaded} from '../app-context';
import {Icon} from '../signs';
import {Hex} from '../text';
import {Find} from './find';
import type {HexState} from './use-hex';

interface ToolsProps {
  state: HexState;
  info: Info;
  onStep: (step: 1 | -1) => void;
  onSide: (other: boolean) => void;
}

/** The way back and forward, to a place, from field to field, and through what a plan changes. */
export function HexTools({state, info, onStep, onSide}: ToolsProps) {
  const {back, forward} = state.place;
  return (
    <div class="hex-tools">
      <div class="row">
        <div class="switch" role="group" aria-label="History">
          <HistoryButton step={-1} to={back.at(-1)} onStep={onStep} />
          <HistoryButton step={1} to={forward.at(-1)} onStep={onStep} />
        </div>
        <GoToByte state={state} info={info} />
        <Find state={state} />
      </div>
      {state.pages.plan !== '' && <Changes key={state.key} state={state} onSide={onSide} />}
    </div>
  );
}

interface HistoryProps {
  step: 1 | -1;
  to: bigint | undefined;
  onStep: (step: 1 | -1) => void;
}

function HistoryButton({step, to, onStep}: HistoryProps) {
  const name = step === -1 ? 'Back' : 'Forward';
  const words = to === undefined ? name : `${name} to ${hexOf(to)}`;
  return (
    <button type="button" aria-label={name} title={words} disabled={to === undefined} onClick={() => onStep(step)}>
      <Icon name={step === -1 ? 'back' : 'forward'} />
    </button>
  );
}

function GoToByte({state, info}: {state: HexState; info: Info}) {
  const controller = useController();
  const [wrong, setWrong] = useState('');
  const go = async (text: string) => {
    const target = parseTarget(text);
    if (target === null) {
      setWrong(`A place is a number such as ${TARGET_EXAMPLES}.`);
      return;
    }
    const offset = await byteOf(controller, info, state.pages.size, target);
    setWrong(offset.ok ? '' : offset.error);
    if (offset.ok) {
      state.jump(offset.value);
    }
  };
  return (
    <form
      class="go-to"
      onSubmit={(event) => {
        event.preventDefault();
        const text = new FormData(event.currentTarget).get('byte');
        void go(typeof text === 'string' ? text : '');
      }}
    >
      <label>
        Go to
        <input
          name="byte"
          type="text"
          autoComplete="off"
          spellcheck={false}
          placeholder="0x30, cluster 5 ..."
          aria-label="Go to byte"
          aria-invalid={wrong !== ''}
          aria-describedby="hex-go-wrong"
        />
      </label>
      <button type="submit" aria-label="Go to that byte">
        Go
      </button>
      <p id="hex-go-wrong" class="field-error" aria-live="polite">
        {wrong}
      </p>
    </form>
  );
}

/** The two sides of a plan, and the places where they differ. */
function Changes({state, onSide}: {state: HexState; onSide: (other: boolean) => void}) {
  const {engine} = useController();
  const {cursor, other} = state.place;
  const near = useLoaded(`${state.key} ${cursor}`, () => engine.call('hexChange', {offset: hexOf(cursor), step: 0}));
  const go = async (step: 1 | -1) => {
    const reply = await engine.call('hexChange', {offset: hexOf(cursor), step});
    const offset = reply.ok ? offsetOf(reply.value.offset) : null;
    if (offset !== null) {
      state.jump(offset);
    }
  };
  const at = near.step === 'loaded' ? near.value : null;
  const {hasPrevious, hasNext} = neighbours(at, cursor);
  return (
    <div class="row hex-changes">
      <div class="switch" role="group" aria-label="Side of the plan">
        <button type="button" aria-pressed={!other} onClick={() => onSide(false)}>
          Now
        </button>
        <button type="button" aria-pressed={other} onClick={() => onSide(true)}>
          {state.pages.plan === 'planned' ? 'After the repair' : 'Before'}
        </button>
      </div>
      <div class="switch" role="group" aria-label="Changes">
        <button type="button" disabled={!hasPrevious} onClick={() => void go(-1)}>
          Previous<span class="hidden"> change</span>
        </button>
        <button type="button" disabled={!hasNext} onClick={() => void go(1)}>
          Next change
        </button>
      </div>
      <span class="muted">{at !== null && <ChangeWords at={at} cursor={cursor} />}</span>
    </div>
  );
}

/** Whether there are changes on either side of the cursor. */
function neighbours(at: HexChangeReply | null, cursor: bigint): {hasPrevious: boolean; hasNext: boolean} {
  if (at === null || at.count === 0) {
    return {hasPrevious: false, hasNext: false};
  }
  const start = offsetOf(at.offset);
  if (at.index === 0 || start === null) {
    return {hasPrevious: true, hasNext: false};
  }
  return {hasPrevious: at.index > 1, hasNext: start > cursor || at.index < at.count};
}

function ChangeWords({at, cursor}: {at: HexChangeReply; cursor: bigint}) {
  const total = `${at.more ? 'at least ' : ''}${formatCount(at.count)}`;
  const start = offsetOf(at.offset);
  if (at.count === 0) {
    return <>No byte differs.</>;
  }
  return start !== null && start <= cursor ? (
    <>
      Change {formatCount(at.index)} of {total} at <Hex text={at.offset} />
    </>
  ) : (
    <>
      {total} {at.count === 1 ? 'place differs' : 'places differ'}
    </>
  );
}
