import {useState} from 'preact/hooks';
import {asSentence} from '../base/text';
import {formatBytes, plural} from '../base/units';
import {choiceOf} from '../model/choice';
import type {Choice} from '../model/choice';
import {severityNamed} from '../model/severity';
import type {LeaveRule, PlanView as Plan} from '../protocol/protocol.gen';
import {isBusy} from '../state/session';
import type {OpenSession, Repair} from '../state/session';
import {useController} from './app-context';
import {Consents, GivenUp, givenUp} from './consents';
import {Effect} from './effect';
import {SeveritySign, SeverityTag} from './signs';
import {Prose} from './text';
import {Verify} from './verify';
import {Writes} from './writes';

/** The core names no more ranges than this. */
const MOST_RANGES = 100;

type Planned = Extract<Repair, {plan: Plan}>;

interface PlanProps {
  repair: Planned;
  session: OpenSession;
  /** Another plan is being made in its place. */
  stale: boolean;
}

/** A plan: what it does in words, what it writes in bytes, and what it leaves of what was found. */
export function PlanView({repair, session, stale}: PlanProps) {
  const {plan, request} = repair;
  const still = repair.step === 'planned' && !stale;
  return (
    <div class={stale ? 'plan stale' : 'plan'} aria-busy={stale}>
      {plan.empty ? (
        <p class="plan-nothing">This would change nothing.</p>
      ) : (
        <>
          <h3>What it does</h3>
          <ol class="plan-steps">
            {plan.steps.map((step, i) => (
              <li key={i}>
                <p>
                  <Prose text={asSentence(step.text)} />
                  {step.count > 1 && <span class="muted"> ({plural(step.count, 'finding')})</span>}
                </p>
              </li>
            ))}
          </ol>
          <p class="plan-size">{sizeText(plan)}</p>
        </>
      )}
      {plan.lostBytes > 0 && <Lost plan={plan} />}
      {!plan.empty && !stale && (repair.step === 'planned' || repair.step === 'applied') && <Effect request={request} />}
      {request.scope !== 'leaks' && <Consents plan={plan} request={request} found={session.verdict.groups} fixed={!still} />}
      <PlanActions repair={repair} session={session} stale={stale} />
      {repair.step === 'applied' && <Verify />}
      {plan.left.length > 0 && <Left plan={plan} leave={request.leave} />}
      {plan.writes > 0 && still && <Writes plan={plan} request={request} />}
    </div>
  );
}

function sizeText(plan: Plan): string {
  const writes = plan.writes === 0 ? 'Nothing is overwritten' : `${plural(plan.writes, 'write')}, ${formatBytes(plan.bytes)}`;
  const batches = plan.batches > 1 ? `, in ${plan.batches} batches, one safely on disk before the next` : '';
  const before = formatBytes(plan.sizeBefore);
  const after = formatBytes(plan.sizeAfter);
  const size =
    plan.sizeBefore === plan.sizeAfter ? 'The file keeps its size.' : `The file goes from ${before} to ${after}.`;
  return `${writes}${batches}. ${size}`;
}

/** What of the disk is not in the file any more. No repair brings it back, so it is said before anything is done. */
function Lost({plan}: {plan: Plan}) {
  const shown = plan.lost.length;
  return (
    <div class="lost">
      <h3>
        <SeveritySign severity="damage" /> {formatBytes(plan.lostBytes)} of the virtual disk are not in the file any more
      </h3>
      <p>These ranges read as zeros after the repair. If there is an older copy, take them from there.</p>
      <details open>
        <summary>
          {shown === MOST_RANGES ? `The first ${MOST_RANGES} ranges` : plural(shown, 'range')} of the virtual disk
        </summary>
        <ul class="mono">
          {plan.lost.map(({guest, length}) => (
            <li key={guest}>
              {guest} <span class="muted">length {length}</span>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}

function PlanActions({repair, session, stale}: PlanProps) {
  const controller = useController();
  const onTop = session.changes.at(-1)?.change.kind === 'repair';
  const cancel = (
    <button type="button" onClick={() => void controller.cancel()}>
      Cancel
    </button>
  );
  switch (repair.step) {
    case 'planned':
      return repair.plan.empty ? null : (
        <Apply key={JSON.stringify(repair.request)} repair={repair} session={session} stale={stale} />
      );
    case 'applying':
    case 'undoing':
      return (
        <div class="row">
          <p>{repair.step === 'applying' ? 'Applying, and checking again.' : 'Undoing, and checking again.'}</p>
          {cancel}
        </div>
      );
    case 'applied':
      return (
        <div class="row">
          <p>
            <strong>Applied in memory.</strong> The verdict at the top is that of the repaired image.
            {!onTop && ' More was changed after it, in the Lab: undo that first to come back here.'}
          </p>
          {onTop && (
            <button type="button" onClick={() => void controller.undo()}>
              Undo
            </button>
          )}
        </div>
      );
  }
}

/** Applies the plan. One that gives something up has to be agreed to once more, with all of it named. */
function Apply({repair: {plan, request}, session, stale}: PlanProps) {
  const controller = useController();
  const [agreed, setAgreed] = useState(false);
  const given = givenUp(plan, request, session.verdict.groups);
  const asks = given.length > 0;
  return (
    <>
      {asks && <GivenUp given={given} agreed={agreed} onAgree={setAgreed} />}
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={isBusy(session) || stale || (asks && !agreed)}
          onClick={() => void controller.apply()}
        >
          Apply repair
        </button>
        <p class="muted">
          {asks && !agreed ? 'Read and tick the box above first.' : 'In memory, and checked again at once. Your file is not touched.'}
        </p>
      </div>
    </>
  );
}

/** A choice is reason enough. */
const WHY_LEFT: Record<Choice, string | null> = {mend: null, leave: 'You chose to leave them.', some: 'You chose to leave some of them.'};

/** What stays as it is, and why. */
function Left({plan, leave}: {plan: Plan; leave: readonly LeaveRule[]}) {
  return (
    <div class="left">
      <h3>What it leaves, and why</h3>
      <ul>
        {plan.left.map((group) => (
          <li key={group.code}>
            <SeverityTag severity={severityNamed(group.severity)} />
            <div>
              <p>
                <strong>{group.title}</strong> <span class="muted">{plural(group.count, 'finding')}</span>
              </p>
              <p>
                <Prose text={WHY_LEFT[choiceOf(leave, group.code)] ?? group.cure} />
              </p>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
