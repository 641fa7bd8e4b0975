import type {FindingGroup, LeaveRule} from '../protocol/protocol.gen';

/** What is to become of a group: all of it is mended, left as it is, or some of it. */
export type Choice = 'mend' | 'leave' | 'some';

/** Of a group with more findings all are left, or single ones; never all but some: the core would have to name them. */
export const MOST_NAMED = 10_000;

function ruleOf(leave: readonly LeaveRule[], code: string): LeaveRule | undefined {
  return leave.find((rule) => rule.code === code);
}

export function choiceOf(leave: readonly LeaveRule[], code: string): Choice {
  const rule = ruleOf(leave, code);
  return rule === undefined ? 'mend' : rule.all && rule.ids.length === 0 ? 'leave' : 'some';
}

export function isLeft(leave: readonly LeaveRule[], code: string, id: string): boolean {
  const rule = ruleOf(leave, code);
  return rule !== undefined && rule.ids.includes(id) !== rule.all;
}

/** Whether single findings of a group can be chosen now. */
export function canChooseSingly(leave: readonly LeaveRule[], group: Pick<FindingGroup, 'code' | 'places'>): boolean {
  return group.places <= MOST_NAMED || ruleOf(leave, group.code)?.all !== true;
}

/** The rules with all of a group mended or left. */
export function withGroup(leave: readonly LeaveRule[], code: string, mend: boolean): LeaveRule[] {
  const others = leave.filter((rule) => rule.code !== code);
  return mend ? others : [...others, {code, all: true, ids: []}];
}

/** The rules with one finding of a group mended or left. */
export function withItem(
  leave: readonly LeaveRule[],
  {code, places}: Pick<FindingGroup, 'code' | 'places'>,
  id: string,
  mend: boolean,
): LeaveRule[] {
  const {all, ids} = ruleOf(leave, code) ?? {all: false, ids: []};
  const rest = ids.filter((other) => other !== id);
  // A rule names the findings that are not as it says of all.
  const named = mend === all ? [...rest, id] : rest;
  if (named.length >= places) {
    return withGroup(leave, code, all);
  }
  if (named.length === 0) {
    return withGroup(leave, code, !all);
  }
  return [...leave.filter((rule) => rule.code !== code), {code, all, ids: named}];
}

/** How a group can be mended, in half a sentence for the one who chooses. */
export function waysToMend({mendable, mayMend, consent}: Pick<FindingGroup, 'mendable' | 'mayMend' | 'consent'>): string {
  if (mendable) {
    return 'Mended by itself: nothing is given up.';
  }
  if (mayMend) {
    return consent === ''
      ? 'Mended where the rest of the file leaves no doubt.'
      : 'Mended where the rest of the file leaves no doubt; beyond that only if you accept what it gives up.';
  }
  return consent === '' ? 'Cannot be mended here.' : 'Mended only if you accept what it gives up.';
}

/** Whether there is anything to choose about a group. */
export function canBeMended({mayMend, consent}: Pick<FindingGroup, 'mayMend' | 'consent'>): boolean {
  return mayMend || consent !== '';
}
