import {isApplied, isBusy} from '../state/session';
import type {OpenSession, Repair} from '../state/session';
import {useController} from './app-context';
import {PlanView} from './plan';
import {ProblemText} from './problem';
import {Section} from './section';
import {SeveritySign} from './signs';

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
  const {repair} = session;
  return (
    <Section panel="repair" label="Plan" heading="Repair" aside={<NowAfter repair={repair} />}>
      {!session.verdict.repairable && repair.step === 'none' ? (
        <NothingToRepair session={session} />
      ) : (
        <div class="card repair-card">
          <Chooser repair={repair} />
          <RepairState session={session} />
        </div>
      )}
    </Section>
  );
}

function NothingToRepair({session}: {session: OpenSession}) {
  const {incomplete, groups} = session.verdict;
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
function NowAfter({repair}: {repair: Repair}) {
  const after = isApplied(repair);
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

function Chooser({repair}: {repair: Repair}) {
  const controller = useController();
  const chosen = repair.step === 'none' ? 'all' : repair.request.scope;
  const fixed = isBusy(repair) || isApplied(repair);
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
            onChange={() => void controller.plan({scope, accept: []})}
          />
          <strong>{name}</strong> <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

function RepairState({session}: {session: OpenSession}) {
  const controller = useController();
  const {repair} = session;
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
        <div class="row">
          <p>Making the plan.</p>
          <button type="button" onClick={() => void controller.cancel()}>
            Cancel
          </button>
        </div>
      );
    case 'refused':
      return (
        <ProblemText problem={repair.problem}>
          <PlanButton scope={repair.request.scope} />
        </ProblemText>
      );
    case 'planned':
    case 'applying':
    case 'applied':
    case 'undoing':
      return <PlanView repair={repair} found={session.verdict.groups} />;
  }
}

function PlanButton({scope}: {scope: string}) {
  const controller = useController();
  return (
    <button type="button" class="primary" onClick={() => void controller.plan({scope, accept: []})}>
      Repair
    </button>
  );
}
