import {plural} from '../base/units';
import {choiceOf} from '../model/choice';
import type {FindingGroup, PlanRequest, PlanView as Plan} from '../protocol/protocol.gen';
import {useController} from './app-context';
import {SeveritySign} from './signs';
import {Prose} from './text';

interface ConsentsProps {
  plan: Plan;
  request: PlanRequest;
  found: FindingGroup[];
  fixed: boolean;
}

/** What could be mended at a price, and what was already agreed to, with its price. */
export function Consents({plan, request, found, fixed}: ConsentsProps) {
  const controller = useController();
  const given = request.accept;
  const known = new Map([...found, ...plan.left].map((group) => [group.code, group]));
  const asking = plan.left.filter(
    (group) => group.consent !== '' && !given.includes(group.code) && choiceOf(request.leave, group.code) !== 'leave',
  );
  if (asking.length === 0 && given.length === 0) {
    return null;
  }
  const replan = (accept: string[]) => void controller.plan({...request, accept});
  return (
    <fieldset class="consents" disabled={fixed}>
      <legend>
        <SeveritySign severity="warning" /> Repairs that choose or give something up
      </legend>
      <p>
        None of these is done unless you tick it. Keep a copy of the file, and prefer a backup if you have one.
      </p>
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
    <label class={given ? 'check given' : 'check'}>
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

/** What the plan gives up, of what was agreed to: the codes that it no longer leaves. */
export function givenUp(plan: Plan, request: PlanRequest, found: readonly FindingGroup[]): FindingGroup[] {
  if (request.scope === 'leaks') {
    return [];
  }
  const known = new Map([...found, ...plan.left].map((group) => [group.code, group]));
  return request.accept.flatMap((code) => known.get(code) ?? []);
}

interface GivenUpProps {
  given: readonly FindingGroup[];
  agreed: boolean;
  onAgree: (agreed: boolean) => void;
}

/** Stands between the plan and the button that applies it. */
export function GivenUp({given, agreed, onAgree}: GivenUpProps) {
  return (
    <div class="given-up" role="group" aria-label="What this plan gives up">
      <h3>
        <SeveritySign severity="danger" /> This plan gives something up
      </h3>
      <ul>
        {given.map((group) => (
          <li key={group.code}>
            <strong>{group.title}:</strong> <Prose text={group.consent} />
          </li>
        ))}
      </ul>
      <label class="check">
        <input type="checkbox" checked={agreed} onChange={(event) => onAgree(event.currentTarget.checked)} />
        <span>
          <strong>I have a copy of this file, and I accept this.</strong>
        </span>
      </label>
    </div>
  );
}
