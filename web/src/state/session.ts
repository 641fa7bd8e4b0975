import {stoppedVerdict} from '../model/verdict';
import type {Info, PlanRequest, PlanView, Problem, Progress, Verdict, WriteRequest} from '../protocol/protocol.gen';

/** What is known of a file without reading it. */
interface FileFacts {
  name: string;
  size: number;
}

/** How far the plan of a repair is that is not applied. */
type RepairPlan =
  | {step: 'none'}
  /** `before` is the plan that was shown until then. */
  | {step: 'planning'; request: PlanRequest; before: PlanView | null}
  | {step: 'planned'; request: PlanRequest; plan: PlanView}
  | {step: 'refused'; request: PlanRequest; problem: Problem};

/** How far a repair is. All of it is in memory: the file is never written to. */
export type Repair =
  | RepairPlan
  | {step: 'applying'; request: PlanRequest; plan: PlanView}
  | {step: 'applied'; request: PlanRequest; plan: PlanView}
  | {step: 'undoing'; request: PlanRequest; plan: PlanView};

/** A change of the image, of one of the kinds that there are. */
export type Change =
  | {kind: 'repair'; request: PlanRequest; plan: PlanView}
  /** The refcounts get another width. */
  | {kind: 'width'; bits: number}
  /** What a crash would leave, to be looked at. */
  | {kind: 'crash'}
  /** The guest writes, or zeroes, or discards. */
  | {kind: 'write'; words: string; requests: readonly WriteRequest[]};

/** A change that is applied in memory, with the verdict of the image that it makes. */
interface AppliedChange {
  change: Change;
  after: Verdict;
}

/** What is being done to the changes; nothing else can be done to them meanwhile. */
type Work = null | {doing: 'applying' | 'undoing'; change: Change};

/** An image that was opened and checked. */
export interface OpenSession {
  step: 'open';
  file: FileFacts;
  info: Info;
  /** Of the file as it is. */
  verdict: Verdict;
  /** Each was made for the image that the ones before it left. */
  changes: readonly AppliedChange[];
  work: Work;
  plan: RepairPlan;
  /** Why the file can no longer be trusted to be what was checked. */
  changed: Problem | null;
}

/** Where the page is with its one image. */
export type Session =
  | {step: 'empty'}
  | {step: 'opening'; file: FileFacts}
  | {step: 'checking'; file: FileFacts; info: Info; progress: Progress | null; stopping: boolean}
  | OpenSession
  | {step: 'failed'; file: FileFacts; problem: Problem};

export type SessionEvent =
  | {type: 'chosen'; file: FileFacts}
  | {type: 'closed'}
  | {type: 'opened'; info: Info}
  | {type: 'progressed'; progress: Progress}
  | {type: 'stopping'}
  | {type: 'checked'; verdict: Verdict}
  | {type: 'rechecking'}
  | {type: 'failed'; problem: Problem}
  | {type: 'changed'; problem: Problem}
  | ChangeEvent;

type ChangeEvent =
  | {type: 'planning'; request: PlanRequest}
  | {type: 'planned'; plan: PlanView}
  | {type: 'applying'; change: Change}
  | {type: 'applied'; verdict: Verdict}
  /** The change that was applied last. */
  | {type: 'undoing'}
  /** The core has dropped the plan with its change; that of a repair is being made again. */
  | {type: 'undone'}
  | {type: 'refused'; problem: Problem};

/** The session after an event; the same one if the event does not fit, as when its answer came too late. */
export function nextSession(session: Session, event: SessionEvent): Session {
  switch (event.type) {
    case 'chosen':
      return {step: 'opening', file: event.file};
    case 'closed':
      return {step: 'empty'};
    case 'opened':
      return session.step === 'opening'
        ? {step: 'checking', file: session.file, info: event.info, progress: null, stopping: false}
        : session;
    case 'progressed':
      return session.step === 'checking' ? {...session, progress: event.progress} : session;
    case 'stopping':
      return session.step === 'checking' ? {...session, stopping: true} : session;
    case 'checked':
      return session.step === 'checking' ? checkedSession(session.file, session.info, event.verdict) : session;
    case 'rechecking':
      return session.step === 'open'
        ? {step: 'checking', file: session.file, info: session.info, progress: null, stopping: false}
        : session;
    case 'failed':
      return failedSession(session, event.problem);
    case 'changed':
      return session.step === 'open' ? {...session, changed: event.problem} : session;
    default:
      return session.step === 'open' ? nextChanges(session, event) : session;
  }
}

function checkedSession(file: FileFacts, info: Info, verdict: Verdict): OpenSession {
  const changed = verdict.problem.kind === 'changed' ? verdict.problem : null;
  return {step: 'open', file, info, verdict, changes: [], work: null, plan: {step: 'none'}, changed};
}

/** A check that was stopped by force leaves what the header said; anything else that fails ends the session. */
function failedSession(session: Session, problem: Problem): Session {
  switch (session.step) {
    case 'empty':
    case 'failed':
      return session;
    case 'opening':
      return problem.kind === 'cancelled' ? {step: 'empty'} : {step: 'failed', file: session.file, problem};
    case 'checking':
      return problem.kind === 'cancelled'
        ? checkedSession(session.file, session.info, stoppedVerdict(session.info, session.progress))
        : {step: 'failed', file: session.file, problem};
    case 'open':
      return {step: 'failed', file: session.file, problem};
  }
}

function nextChanges(session: OpenSession, event: ChangeEvent): OpenSession {
  const {changes, work, plan} = session;
  switch (event.type) {
    case 'planning':
      return work === null && !isRepaired(session)
        ? {...session, plan: {step: 'planning', request: event.request, before: planBefore(plan)}}
        : session;
    case 'planned':
      return plan.step === 'planning'
        ? {...session, plan: {step: 'planned', request: plan.request, plan: event.plan}}
        : session;
    case 'applying':
      return work === null && plan.step !== 'planning' ? {...session, work: {doing: 'applying', change: event.change}} : session;
    case 'applied':
      // A plan for the image before is of no use any more.
      return work?.doing === 'applying'
        ? {...session, changes: [...changes, {change: work.change, after: event.verdict}], work: null, plan: {step: 'none'}}
        : session;
    case 'undoing':
      return undoing(session);
    case 'undone':
      return work?.doing === 'undoing' ? {...session, changes: changes.slice(0, -1), work: null, plan: planAgain(work.change)} : session;
    case 'refused':
      return refused(session, event.problem);
  }
}

function planBefore(plan: RepairPlan): PlanView | null {
  return plan.step === 'planned' ? plan.plan : plan.step === 'planning' ? plan.before : null;
}

function undoing(session: OpenSession): OpenSession {
  const last = session.changes.at(-1);
  return last !== undefined && session.work === null && session.plan.step !== 'planning'
    ? {...session, work: {doing: 'undoing', change: last.change}}
    : session;
}

function planAgain(undone: Change): RepairPlan {
  return undone.kind === 'repair' ? {step: 'planning', request: undone.request, before: undone.plan} : {step: 'none'};
}

function refused(session: OpenSession, problem: Problem): OpenSession {
  const {work, plan} = session;
  if (work !== null) {
    const repair = work.doing === 'applying' && work.change.kind === 'repair' ? work.change : null;
    return {...session, work: null, plan: repair === null ? plan : refusedPlan(repair.request, problem)};
  }
  return plan.step === 'none' ? session : {...session, plan: refusedPlan(plan.request, problem)};
}

function refusedPlan(request: PlanRequest, problem: Problem): RepairPlan {
  return problem.kind === 'cancelled' ? {step: 'none'} : {step: 'refused', request, problem};
}

/** How far the repair is: applied, or how far its plan is. */
export function repairOf({changes, work, plan}: OpenSession): Repair {
  if (work?.change.kind === 'repair') {
    return {step: work.doing, request: work.change.request, plan: work.change.plan};
  }
  for (const {change} of changes) {
    if (change.kind === 'repair') {
      return {step: 'applied', request: change.request, plan: change.plan};
    }
  }
  return plan;
}

/** The verdict of the image that is shown: after the changes that are applied, else of the file. */
export function currentVerdict(session: OpenSession): Verdict {
  return session.changes.at(-1)?.after ?? session.verdict;
}

/** The header's facts of the image that is shown: a change may alter them. */
export function currentInfo(session: OpenSession): Info {
  return session.changes.at(-1)?.after.info ?? session.info;
}

/** What is shown is not the file but what the changes make of it. */
export function isApplied({changes}: OpenSession): boolean {
  return changes.length > 0;
}

export function isRepaired({changes}: OpenSession): boolean {
  return changes.some(({change}) => change.kind === 'repair');
}

/** What the changes are called in the name of a file, in their order. */
export function changeMarks({changes}: OpenSession): string[] {
  return [...new Set(changes.map(({change}) => markOf(change)))];
}

function markOf(change: Change): string {
  switch (change.kind) {
    case 'repair':
      return 'repaired';
    case 'width':
      return `refcount${change.bits}`;
    case 'crash':
      return 'crashed';
    case 'write':
      return 'written';
  }
}

const CHANGE_WORDS = {repair: 'the repair', width: 'the width change', crash: 'a crash', write: 'the write'} as const satisfies Record<Change['kind'], string>;

/** What is applied, in words: `the repair`. */
export function changeWords({changes}: OpenSession): string {
  const [first, ...more] = changes;
  return first === undefined || more.length > 0 ? 'the changes' : CHANGE_WORDS[first.change.kind];
}

/** Something is going on with the changes that must end before the next can begin. */
export function isBusy({work, plan}: OpenSession): boolean {
  return work !== null || plan.step === 'planning';
}

/** The state as scripts and assistive technology see it. */
type StatusState = 'empty' | 'opening' | 'checking' | 'done' | 'failed';

export function statusState(session: Session): StatusState {
  if (session.step !== 'open') {
    return session.step;
  }
  return session.work === null ? 'done' : 'checking';
}
