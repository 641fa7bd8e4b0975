import {currentVerdict, isApplied, isBusy, isRepaired, repairOf} from '../state/session';
import type {LeaveRule} from '../protocol/protocol.gen';
import type {OpenSession} from '../state/session';
import {useController, useStore} from './app-context';
import {ChooseFindings} from './choose-findings';
import {goTo} from './go-to';
import {PlanView} from './plan';
import {ProblemText} from './problem';
import {RedirectSwitch} from './redirect-switch';
import {Section} from './section';
import {SeveritySign} from './signs';
import {Prose} from './text';

const SCOPES = [
  {scope: 'all', name: 'Recommended', text: 'Mends all that can be mended without giving anything up.'},
  {scope: 'leaks', name: 'Leaks only', text: 'Gives wasted space back and touches nothing else.'},
  {
    scope: 'rebuild',
    name: 'Rebuild refcounts',
    text: 'Counts everything anew and writes fresh refcount tables, when the old ones are beyond mending.',
  },
] as const;

/** The repair as a plan first: everything it would write, then applied in memory, and undone at will. */
export function RepairPanel({session}: {session: OpenSession}) {
  const nothing = !currentVerdict(session).repairable && repairOf(session).step === 'none';
  return (
    <Section panel="repair" label="Plan" heading="Repair" aside={<NowAfter applied={isApplied(session)} />}>
      {nothing ? (
        <NothingToRepair session={session} />
      ) : (
        <div class="card repair-card">
          <LostMappingGuard session={session} />
          <Chooser session={session} />
          <Choices session={session} />
          <Redirect session={session} />
          <RepairState session={session} />
        </div>
      )}
    </Section>
  );
}

/** What looks like wasted space and is probably somebody's data is never given back, and that is said before all else. */
function LostMappingGuard({session}: {session: OpenSession}) {
  const group = currentVerdict(session).groups.find(({code}) => code === 'lost-mapping');
  return group === undefined ? null : (
    <div class="guard" role="note" aria-label="Lost mapping">
      <h3>
        <SeveritySign severity="danger" /> {group.title}
      </h3>
      <p>
        <Prose text={group.meaning} />
      </p>
      <p>
        <strong>
          <Prose text={group.cure} />
        </strong>
      </p>
      <p>
        <strong>Do not run qemu-img check -r on this file,</strong> and do not start the VM from it.
      </p>
      <button type="button" onClick={() => goTo('findings')}>
        Where is it?
      </button>
    </div>
  );
}

/** What to mend and what to leave; each change makes the plan anew. */
function Choices({session}: {session: OpenSession}) {
  const controller = useController();
  const repair = repairOf(session);
  const request = repair.step === 'none' ? {scope: 'all', accept: [], leave: []} : repair.request;
  if (request.scope === 'leaks') {
    return null;
  }
  return (
    <ChooseFindings
      groups={session.verdict.groups}
      leave={request.leave}
      plan={repair.step === 'planning' ? repair.before : 'plan' in repair ? repair.plan : null}
      fixed={session.work !== null || isRepaired(session)}
      done={isRepaired(session)}
      onLeave={(leave) => void controller.plan({...request, leave})}
    />
  );
}

function NothingToRepair({session}: {session: OpenSession}) {
  const {incomplete, groups} = currentVerdict(session);
  const clean = groups.length === 0 && !incomplete;
  return (
    <p class="card nothing">
      <SeveritySign severity={clean ? 'none' : 'note'} />
      {incomplete && 'A repair can be planned once a check has been finished.'}
      {clean && 'Nothing needs to be repaired.'}
      {!incomplete &&
        !clean &&
        'No repair here would help. What was found, and why it cannot be mended, is listed under Findings.'}
    </p>
  );
}

/** Which image is on the page: the file as it is, or as it would be. */
function NowAfter({applied: after}: {applied: boolean}) {
  return (
    <p class="now-after">
      <span class={after ? undefined : 'on'} aria-current={after ? undefined : 'true'}>
        Now: your file
      </span>
      <span class={after ? 'on' : undefined} aria-current={after ? 'true' : undefined}>
        After: in memory
      </span>
    </p>
  );
}

function Chooser({session}: {session: OpenSession}) {
  const controller = useController();
  const repair = repairOf(session);
  const chosen = repair.step === 'none' ? 'all' : repair.request.scope;
  const leave = repair.step === 'none' ? [] : repair.request.leave;
  const fixed = isBusy(session) || isRepaired(session);
  return (
    <fieldset class="scopes" disabled={fixed}>
      <legend>What should be repaired?</legend>
      {SCOPES.map(({scope, name, text}) => (
        <label key={scope} class={scope === chosen ? 'on' : undefined}>
          <input
            type="radio"
            name="scope"
            value={scope}
            checked={scope === chosen}
            onChange={() => void controller.plan({scope, accept: [], leave})}
          />
          <strong>{name}</strong> <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** It stays where it is while the plan is made again. */
function Redirect({session}: {session: OpenSession}) {
  const controller = useController();
  const {redirect} = useStore(controller.view);
  const repair = repairOf(session);
  return (
    <RedirectSwitch
      of="repair"
      on={repair.step === 'none' ? redirect : repair.request.redirect}
      redirected={'plan' in repair ? repair.plan.redirected : null}
      listed={repair.step === 'planned'}
      fixed={session.work !== null || isRepaired(session)}
      onChange={(on) => void controller.setRedirect(on)}
    />
  );
}

function RepairState({session}: {session: OpenSession}) {
  const controller = useController();
  const repair = repairOf(session);
  switch (repair.step) {
    case 'none':
      return (
        <div class="row">
          <PlanButton scope="all" />
          <p class="muted">This only makes a plan and shows it. Nothing is written.</p>
        </div>
      );
    case 'planning':
      return (
        <>
          <div class="row">
            <p>Making the plan.</p>
            <button type="button" onClick={() => void controller.cancel()}>
              Cancel
            </button>
          </div>
          {repair.before !== null && (
            <PlanView repair={{step: 'planned', request: repair.request, plan: repair.before}} session={session} stale />
          )}
        </>
      );
    case 'refused':
      return (
        <ProblemText problem={repair.problem}>
          <PlanButton scope={repair.request.scope} leave={repair.request.leave} />
        </ProblemText>
      );
    case 'planned':
    case 'applying':
    case 'applied':
    case 'undoing':
      return <PlanView repair={repair} session={session} stale={false} />;
  }
}

function PlanButton({scope, leave = []}: {scope: string; leave?: LeaveRule[]}) {
  const controller = useController();
  return (
    <button type="button" class="primary" onClick={() => void controller.plan({scope, accept: [], leave})}>
      Repair
    </button>
  );
}
