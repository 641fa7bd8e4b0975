import {stoppedVerdict} from '../model/verdict';
import type {Info, PlanRequest, PlanView, Problem, Progress, Verdict} from '../protocol/protocol.gen';

/** What is known of a file without reading it. */
export interface FileFacts {
  name: string;
  size: number;
}

/** How far a repair is. All of it is in memory: the file is never written to. */
export type Repair =
  | {step: 'none'}
  | {step: 'planning'; request: PlanRequest}
  | {step: 'planned'; request: PlanRequest; plan: PlanView}
  | {step: 'applying'; request: PlanRequest; plan: PlanView}
  | {step: 'applied'; request: PlanRequest; plan: PlanView; after: Verdict}
  | {step: 'undoing'; request: PlanRequest; plan: PlanView; after: Verdict}
  | {step: 'refused'; request: PlanRequest; problem: Problem};

/** An image that was opened and checked. */
export interface OpenSession {
  step: 'open';
  file: FileFacts;
  info: Info;
  /** Of the file as it is. */
  verdict: Verdict;
  repair: Repair;
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
  | RepairEvent;

type RepairEvent =
  | {type: 'planning'; request: PlanRequest}
  | {type: 'planned'; plan: PlanView}
  | {type: 'applying'}
  | {type: 'applied'; verdict: Verdict}
  | {type: 'undoing'}
  /** The core has dropped the plan with its changes: it is being made again. */
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
      return session.step === 'open' ? {...session, repair: nextRepair(session.repair, event)} : session;
  }
}

function checkedSession(file: FileFacts, info: Info, verdict: Verdict): OpenSession {
  const changed = verdict.problem.kind === 'changed' ? verdict.problem : null;
  return {step: 'open', file, info, verdict, repair: {step: 'none'}, changed};
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

function nextRepair(repair: Repair, event: RepairEvent): Repair {
  switch (event.type) {
    case 'planning':
      return repair.step === 'none' || repair.step === 'planned' || repair.step === 'refused'
        ? {step: 'planning', request: event.request}
        : repair;
    case 'planned':
      return repair.step === 'planning' ? {step: 'planned', request: repair.request, plan: event.plan} : repair;
    case 'applying':
      return repair.step === 'planned' ? {...repair, step: 'applying'} : repair;
    case 'applied':
      return repair.step === 'applying' ? {...repair, step: 'applied', after: event.verdict} : repair;
    case 'undoing':
      return repair.step === 'applied' ? {...repair, step: 'undoing'} : repair;
    case 'undone':
      return repair.step === 'undoing' ? {step: 'planning', request: repair.request} : repair;
    case 'refused':
      return refusedRepair(repair, event.problem);
  }
}

function refusedRepair(repair: Repair, problem: Problem): Repair {
  if (repair.step === 'none') {
    return repair;
  }
  if (repair.step === 'undoing') {
    return {...repair, step: 'applied'};
  }
  return problem.kind === 'cancelled' ? {step: 'none'} : {step: 'refused', request: repair.request, problem};
}

/** The verdict of the image that is shown: after the repair if it is applied, else of the file. */
export function currentVerdict(session: OpenSession): Verdict {
  return isApplied(session.repair) ? session.repair.after : session.verdict;
}

/** The header's facts of the image that is shown: a repair may change them. */
export function currentInfo(session: OpenSession): Info {
  return isApplied(session.repair) ? session.repair.after.info : session.info;
}

export function isApplied(repair: Repair): repair is Extract<Repair, {step: 'applied' | 'undoing'}> {
  return repair.step === 'applied' || repair.step === 'undoing';
}

/** Something is going on with the repair that must end before the next can begin. */
export function isBusy(repair: Repair): boolean {
  return repair.step === 'planning' || repair.step === 'applying' || repair.step === 'undoing';
}

/** The state as scripts and assistive technology see it. */
export type StatusState = 'empty' | 'opening' | 'checking' | 'done' | 'failed';

export function statusState(session: Session): StatusState {
  if (session.step !== 'open') {
    return session.step;
  }
  return session.repair.step === 'applying' || session.repair.step === 'undoing' ? 'checking' : 'done';
}
