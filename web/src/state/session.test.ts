import {describe, expect, it} from 'vitest';
import type {Info, PlanView, Problem, Verdict} from '../protocol/protocol.gen';
import {changeMarks, changeWords, currentVerdict, isApplied, isBusy, nextSession, repairOf, statusState} from './session';
import type {Change, OpenSession, Session, SessionEvent} from './session';

const file = {name: 'disk.qcow2', size: 1000};
const info = {fileSize: 1000} as Info;
const none: Problem = {kind: '', title: '', where: '', advice: '', detail: ''};
const cancelled = {...none, kind: 'cancelled'};
const damaged = {state: 'damaged', problem: none} as Verdict;
const healthy = {state: 'healthy', problem: none} as Verdict;
const plan = {empty: false} as PlanView;
const request = {scope: 'all', accept: [], leave: [], redirect: false};
const progress = {phase: 'tables', done: 1, total: 2, findings: 7};

function after(...events: SessionEvent[]): Session {
  return events.reduce(nextSession, {step: 'empty'});
}

const opening: SessionEvent[] = [{type: 'chosen', file}];
const checking: SessionEvent[] = [...opening, {type: 'opened', info}];
const open: SessionEvent[] = [...checking, {type: 'checked', verdict: damaged}];
const planned: SessionEvent[] = [...open, {type: 'planning', request}, {type: 'planned', plan}];
const applying: SessionEvent = {type: 'applying', change: {kind: 'repair', request, plan}};
const applied: SessionEvent[] = [...planned, applying, {type: 'applied', verdict: healthy}];

it('goes from empty to done', () => {
  expect(statusState({step: 'empty'})).toBe('empty');
  expect(statusState(after(...opening))).toBe('opening');
  expect(statusState(after(...checking))).toBe('checking');
  expect(after(...checking, {type: 'progressed', progress})).toMatchObject({progress});
  expect(statusState(after(...open))).toBe('done');
});

describe('what comes too late changes nothing', () => {
  it.each<[string, SessionEvent[], SessionEvent]>([
    ['an answer to opening', open, {type: 'opened', info}],
    ['a verdict of an earlier file', opening, {type: 'checked', verdict: healthy}],
    ['progress after the end', open, {type: 'progressed', progress}],
    ['a plan without an image', [], {type: 'planned', plan}],
    ['a problem after closing', [], {type: 'failed', problem: none}],
  ])('%s', (_, events, late) => {
    const session = after(...events);
    expect(nextSession(session, late)).toBe(session);
  });
});

describe('stopping', () => {
  it('before the header is read leaves nothing', () => {
    expect(after(...opening, {type: 'failed', problem: cancelled})).toEqual({step: 'empty'});
  });

  it('a check by force keeps the header and says what was seen', () => {
    const session = after(...checking, {type: 'progressed', progress}, {type: 'failed', problem: cancelled});
    expect(session).toMatchObject({step: 'open', info, verdict: {incomplete: true, repairable: false}});
    expect((session as OpenSession).verdict.advice).toContain('7 findings');
    expect(nextSession(session, {type: 'rechecking'}).step).toBe('checking');
  });
});

it('a check that fails ends the session and keeps the reason', () => {
  const problem = {...none, kind: 'memory'};
  expect(after(...checking, {type: 'failed', problem})).toEqual({step: 'failed', file, problem});
});

describe('a repair', () => {
  it('is applied and undone', () => {
    const done = after(...applied) as OpenSession;
    expect(currentVerdict(done)).toBe(healthy);
    expect(repairOf(done)).toEqual({step: 'applied', request, plan});
    const undone = after(...applied, {type: 'undoing'}, {type: 'undone'}) as OpenSession;
    expect(currentVerdict(undone)).toBe(damaged);
    expect(repairOf(undone)).toEqual({step: 'planning', request, before: plan});
  });

  it('counts as checking while it is applied or undone', () => {
    expect(statusState(after(...planned, applying))).toBe('checking');
    expect(statusState(after(...applied, {type: 'undoing'}))).toBe('checking');
    expect(statusState(after(...open, {type: 'planning', request}))).toBe('done');
  });

  it('cannot be planned anew while it is applied', () => {
    const session = after(...applied);
    expect(repairOf(nextSession(session, {type: 'planning', request}) as OpenSession).step).toBe('applied');
  });

  it('that fails says why and can be planned again', () => {
    const problem = {...none, kind: 'read'};
    const failed = after(...planned, applying, {type: 'refused', problem}) as OpenSession;
    expect(repairOf(failed)).toEqual({step: 'refused', request, problem});
    expect(isBusy(failed)).toBe(false);
    expect(repairOf(nextSession(failed, {type: 'planning', request}) as OpenSession).step).toBe('planning');
  });

  it('stays applied when it cannot be undone', () => {
    const session = after(...applied, {type: 'undoing'}, {type: 'refused', problem: none}) as OpenSession;
    expect(repairOf(session).step).toBe('applied');
    expect(isBusy(session)).toBe(false);
  });
});

describe('changes of several kinds', () => {
  const width: Change = {kind: 'width', bits: 64};
  const wide = {state: 'healthy', problem: none, info: {refcountBits: 64}} as Verdict;
  const widened: SessionEvent[] = [{type: 'applying', change: width}, {type: 'applied', verdict: wide}];

  it('stack, and are undone one by one', () => {
    const both = after(...applied, ...widened) as OpenSession;
    expect(currentVerdict(both)).toBe(wide);
    expect(changeMarks(both)).toEqual(['repaired', 'refcount64']);
    expect(changeWords(both)).toBe('the changes');
    const one = after(...applied, ...widened, {type: 'undoing'}, {type: 'undone'}) as OpenSession;
    expect(currentVerdict(one)).toBe(healthy);
    expect(repairOf(one).step).toBe('applied');
    expect(isApplied(after(...open, ...widened, {type: 'undoing'}, {type: 'undone'}) as OpenSession)).toBe(false);
  });

  it('make a plan for the image before useless', () => {
    expect(repairOf(after(...planned, ...widened) as OpenSession).step).toBe('none');
    const undone = after(...open, ...widened, {type: 'planning', request}, {type: 'planned', plan}, {type: 'undoing'}, {type: 'undone'});
    expect(repairOf(undone as OpenSession).step).toBe('none');
  });

  it('wait for each other', () => {
    const busy = after(...planned, {type: 'applying', change: width}) as OpenSession;
    expect(isBusy(busy)).toBe(true);
    for (const event of [applying, {type: 'undoing'}, {type: 'planning', request}] as const) {
      expect(nextSession(busy, event)).toEqual(busy);
    }
  });

  it('leave the plan of a repair alone when they fail', () => {
    const failed = after(...planned, {type: 'applying', change: width}, {type: 'refused', problem: none}) as OpenSession;
    expect(repairOf(failed).step).toBe('planned');
  });

  it('cannot be undone when there is none', () => {
    const session = after(...open);
    expect(nextSession(session, {type: 'undoing'})).toBe(session);
  });
});

it('keeps a read error of a changed file apart', () => {
  const verdict = {...damaged, incomplete: true, problem: {...none, kind: 'changed'}};
  expect(after(...checking, {type: 'checked', verdict})).toMatchObject({changed: {kind: 'changed'}});
});
