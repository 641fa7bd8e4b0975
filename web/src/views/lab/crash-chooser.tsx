import type {ComponentChildren} from 'preact';
import {plural} from '../../base/units';
import {STATES} from '../../model/crashchoice';
import type {CrashChoice} from '../../model/crashchoice';
import {currentInfo, currentVerdict} from '../../state/session';
import type {OpenSession} from '../../state/session';

const WIDTHS = [1, 2, 4, 8, 16, 32, 64] as const;

const SCOPES: Record<string, string> = {all: 'all that can be mended', leaks: 'leaks only', rebuild: 'rebuild refcounts'};

const FLUSHES = [
  {flushes: 'qemu', name: 'Where QEMU waits', text: 'For the disk to have all: before and after it writes the header; in a write of the guest, between the tables.'},
  {flushes: 'none', name: 'Nowhere', text: 'As on a disk or with settings that pass no flush on: any write may land first.'},
] as const;

interface ChooserProps {
  session: OpenSession;
  choice: CrashChoice;
  onChoice: (choice: CrashChoice) => void;
}

/** Which change is interrupted, and how closely that is looked at. */
export function CrashChooser({session, choice, onChoice}: ChooserProps) {
  const set = (change: Partial<CrashChoice>) => onChoice({...choice, ...change});
  return (
    <>
      <ChangeChoice session={session} choice={choice} set={set} />
      <fieldset class="scopes ways">
        <legend>In place, the program waits for the disk</legend>
        {FLUSHES.map(({flushes, name, text}) => (
          <label key={flushes} class={flushes === choice.flushes ? 'on' : undefined}>
            <input type="radio" name="crash-flushes" checked={flushes === choice.flushes} onChange={() => set({flushes})} />
            <strong>{name}</strong> <span>{text}</span>
          </label>
        ))}
      </fieldset>
      <div class="row crash-sample">
        <label class="crash-field">
          <span>Crash points, at most</span>
          <select value={String(choice.states)} onChange={(event) => set({states: Number(event.currentTarget.value)})}>
            {STATES.map((states) => (
              <option key={states} value={String(states)}>
                {states}
              </option>
            ))}
          </select>
        </label>
        <label class="crash-field">
          <span>Seed of the sample</span>
          <input
            type="number"
            min={0}
            max={999999}
            step={1}
            value={choice.seed}
            onChange={(event) => set({seed: Math.max(0, Math.trunc(event.currentTarget.valueAsNumber) || 0)})}
          />
        </label>
        <p class="muted">If more are possible, some are drawn at random; another seed draws others.</p>
      </div>
    </>
  );
}

interface ChangeProps extends Omit<ChooserProps, 'onChoice'> {
  set: (change: Partial<CrashChoice>) => void;
}

function ChangeChoice({session, choice, set}: ChangeProps) {
  const {repairable} = currentVerdict(session);
  const {refcountBits} = currentInfo(session);
  const way = (kind: CrashChoice['kind']) => ({
    checked: choice.kind === kind,
    onPick: () => set({kind}),
  });
  return (
    <fieldset class="scopes crash-changes">
      <legend>What is interrupted?</legend>
      <Way {...way('repair')} name="The repair" disabled={!repairable}>
        {repairable
          ? `${session.plan.step === 'planned' ? 'As planned above' : 'As usual'}: ${SCOPES[choice.repair.scope] ?? choice.repair.scope}.`
          : 'Nothing needs to be repaired.'}
      </Way>
      <Way {...way('width')} name="A change of the refcount width">
        <label class="crash-field">
          to
          <select aria-label="New width" value={String(choice.bits)} onChange={(event) => set({kind: 'width', bits: Number(event.currentTarget.value)})}>
            {WIDTHS.filter((bits) => bits !== refcountBits).map((bits) => (
              <option key={bits} value={String(bits)}>
                {plural(bits, 'bit')}
              </option>
            ))}
          </select>
        </label>
      </Way>
      <Way {...way('write')} name="A write of the guest">
        <label class="crash-field">
          <span>at guest offset</span>
          <input type="text" value={choice.offset} onChange={(event) => set({kind: 'write', offset: event.currentTarget.value})} />
        </label>
        <label class="crash-field">
          <span>length</span>
          <input type="text" value={choice.length} onChange={(event) => set({kind: 'write', length: event.currentTarget.value})} />
        </label>
      </Way>
    </fieldset>
  );
}

interface WayProps {
  name: string;
  checked: boolean;
  disabled?: boolean;
  onPick: () => void;
  children: ComponentChildren;
}

function Way({name, checked, disabled = false, onPick, children}: WayProps) {
  return (
    <div class={checked ? 'way on' : 'way'}>
      <label>
        <input type="radio" name="crash-kind" checked={checked} disabled={disabled} onChange={onPick} />
        <strong>{name}</strong>
      </label>
      <div class="way-more">{children}</div>
    </div>
  );
}
