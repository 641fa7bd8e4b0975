import {asSentence} from '../base/text';
import {formatBytes, plural} from '../base/units';
import {severityNamed} from '../model/severity';
import type {FindingGroup, PlanRequest, PlanView as Plan} from '../protocol/protocol.gen';
import {isBusy} from '../state/session';
import type {OpenSession, Repair} from '../state/session';
import {useController} from './app-context';
import {SeveritySign, SeverityTag} from './signs';
import {Prose} from './text';
import {Writes} from './writes';

/** The core names no more ranges than this. */
const MOST_RANGES = 100;

type Planned = Extract<Repair, {plan: Plan}>;

/** A plan: what it does in words, what it writes in bytes, and what it leaves of what was found. */
export function PlanView({repair, session}: {repair: Planned; session: OpenSession}) {
  const {plan, request} = repair;
  return (
    <div class="plan">
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
      <PlanActions repair={repair} session={session} />
      {plan.left.length > 0 && <Left plan={plan} />}
      {request.scope !== 'leaks' && <Consents plan={plan} request={request} found={session.verdict.groups} fixed={repair.step !== 'planned'} />}
      {plan.writes > 0 && repair.step === 'planned' && <Writes plan={plan} request={request} />}
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

function PlanActions({repair, session}: {repair: Planned; session: OpenSession}) {
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
        <div class="row">
          <button type="button" class="primary" disabled={isBusy(session)} onClick={() => void controller.apply()}>
            Apply repair
          </button>
          <p class="muted">In memory, and checked again at once. Your file is not touched.</p>
        </div>
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

/** What stays as it is, and why. */
function Left({plan}: {plan: Plan}) {
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
                <Prose text={group.cure} />
              </p>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface ConsentsProps {
  plan: Plan;
  request: PlanRequest;
  found: FindingGroup[];
  fixed: boolean;
}

/** What could be mended at a price, and what was already agreed to, with its price. */
function Consents({plan, request, found, fixed}: ConsentsProps) {
  const controller = useController();
  const given = request.accept;
  const known = new Map([...found, ...plan.left].map((group) => [group.code, group]));
  const asking = plan.left.filter((group) => group.consent !== '' && !given.includes(group.code));
  if (asking.length === 0 && given.length === 0) {
    return null;
  }
  const replan = (accept: string[]) => void controller.plan({...request, accept});
  return (
    <fieldset class="consents" disabled={fixed}>
      <legend>Repairs that choose or give something up</legend>
      {asking.map((group) => (
        <Consent key={group.code} code={group.code} group={group} given={false} onChange={() => replan([...given, group.code])} />
      ))}
      {given.map((code) => (
        <Consent
          key={code}
          code={code}
          group={known.get(code)}
          given
          onChange={() => replan(given.filter((other) => other !== code))}
        />
      ))}
      <p class="muted">The places of each, with the ranges of the disk that it is about, are listed under Findings.</p>
    </fieldset>
  );
}

interface ConsentProps {
  code: string;
  /** Unknown when it came to light only by another repair. */
  group: FindingGroup | undefined;
  given: boolean;
  onChange: () => void;
}

function Consent({code, group, given, onChange}: ConsentProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={given} onChange={onChange} />
      <span>
        {group === undefined ? (
          <code>{code}</code>
        ) : (
          <>
            <strong>{group.title}:</strong> <Prose text={group.consent} />{' '}
            <span class="muted">({plural(group.count, 'finding')})</span>
          </>
        )}
      </span>
    </label>
  );
}
