import {useCallback, useEffect, useRef, useState} from 'preact/hooks';
import {plural} from '../base/units';
import {canBeMended, canChooseSingly, choiceOf, isLeft, MOST_NAMED, waysToMend, withGroup, withItem} from '../model/choice';
import type {Choice} from '../model/choice';
import {sortedGroups} from '../model/findings';
import {severityNamed} from '../model/severity';
import type {FindingGroup, LeaveRule, NotLeft, PlanView} from '../protocol/protocol.gen';
import {useController, useStore} from './app-context';
import {FindingRow, useFindingRows, useRowHeight} from './finding-list';
import {ProblemText} from './problem';
import {SeverityTag} from './signs';
import {Prose} from './text';
import {useWantedRows} from './use-row-pages';
import {VirtualList} from './virtual-list';

interface ChooseProps {
  /** Of the file as it is. */
  groups: FindingGroup[];
  leave: LeaveRule[];
  /** The plan with these choices; null while there is none. */
  plan: PlanView | null;
  fixed: boolean;
  /** What is shown is the repaired image: its findings are others. */
  done: boolean;
  onLeave: (leave: LeaveRule[]) => void;
}

/** What to mend and what to leave, by kind and one by one, and what comes of it. */
export function ChooseFindings({groups, ...rules}: ChooseProps) {
  const sorted = sortedGroups(groups).filter((group) => canBeMended(group));
  const rest = groups.length - sorted.length;
  return (
    <fieldset class="choices">
      <legend>What should be mended, and what left as it is?</legend>
      <ul>
        {sorted.map((group) => (
          <GroupChoice key={group.code} group={group} {...rules} />
        ))}
      </ul>
      {rest > 0 && <p class="muted">{plural(rest, 'other kind')} of findings cannot be mended here; Findings says why.</p>}
    </fieldset>
  );
}

type GroupChoiceProps = Omit<ChooseProps, 'groups'> & {group: FindingGroup};

function GroupChoice({group, leave, plan, fixed, done, onLeave}: GroupChoiceProps) {
  const [open, setOpen] = useState(false);
  const choice = choiceOf(leave, group.code);
  const notLeft = plan?.notLeft.find(({code}) => code === group.code);
  return (
    <li>
      <div class="choice">
        <label class="check">
          <Tick choice={choice} fixed={fixed} onMend={(mend) => onLeave(withGroup(leave, group.code, mend))} />
          <span>
            <strong>{group.title}</strong> <span class="muted">{plural(group.count, 'finding')}</span>
          </span>
        </label>
        <SeverityTag severity={severityNamed(group.severity)} />
      </div>
      <p class="choice-way">
        <span class="muted">{waysToMend(group)}</span>
        <Fate group={group} choice={choice} plan={plan} />
      </p>
      {notLeft !== undefined && <AllTheSame notLeft={notLeft} />}
      {group.kept > 1 && !done && (
        <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide the single ones' : 'Choose single ones'}
          <span class="hidden">: {group.title}</span>
        </button>
      )}
      {open && !done && <SingleChoice group={group} leave={leave} fixed={fixed} onLeave={onLeave} />}
    </li>
  );
}

/** A tick that is neither on nor off when some are chosen. */
function Tick({choice, fixed, onMend}: {choice: Choice; fixed: boolean; onMend: (mend: boolean) => void}) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current !== null) {
      box.current.indeterminate = choice === 'some';
    }
  }, [choice]);
  return <input ref={box} type="checkbox" checked={choice === 'mend'} disabled={fixed} onChange={(event) => onMend(event.currentTarget.checked)} />;
}

/** What the plan makes of the group, in a word or two. */
function Fate({group, choice, plan}: {group: FindingGroup; choice: Choice; plan: PlanView | null}) {
  if (plan === null) {
    return null;
  }
  const left = plan.left.find(({code}) => code === group.code);
  const fate =
    left === undefined
      ? choice === 'leave'
        ? 'Goes all the same'
        : 'Goes with this plan'
      : left.count < group.count
        ? `Goes in part: ${plural(left.count, 'finding')} left`
        : choice === 'leave'
          ? 'Left as you chose'
          : 'Stays: see below why';
  return <span class={left === undefined ? 'fate goes' : 'fate'}>{fate}</span>;
}

function AllTheSame({notLeft}: {notLeft: NotLeft}) {
  const {ids, because} = notLeft;
  return (
    <p class="all-the-same" role="note">
      <strong>{ids.length === 0 ? 'Goes all the same' : `${plural(ids.length, 'chosen one')} ${ids.length === 1 ? 'goes' : 'go'} all the same`}</strong>, because{' '}
      <Prose text={because} />.
    </p>
  );
}

type SingleProps = Pick<ChooseProps, 'leave' | 'fixed' | 'onLeave'> & {group: FindingGroup};

/** The findings of a group, each to be mended or left. */
function SingleChoice({group, leave, fixed, onLeave}: SingleProps) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [seen, setSeen] = useState({from: 0, to: 1});
  const [active, setActive] = useState(0);
  const shown = {group, picks: null, more: false};
  const pages = useFindingRows(controller, shown, epoch);
  useWantedRows(pages, seen.from, seen.to);
  const onSeen = useCallback((from: number, to: number) => setSeen({from, to}), []);
  const rowHeight = useRowHeight();
  const mended = (row: number) => {
    const finding = pages.get(row);
    return finding === undefined ? undefined : !isLeft(leave, group.code, finding.id);
  };
  const can = !fixed && canChooseSingly(leave, group);
  const toggle = (row: number) => {
    const finding = pages.get(row);
    if (finding !== undefined && can) {
      onLeave(withItem(leave, group, finding.id, isLeft(leave, group.code, finding.id)));
    }
  };
  return (
    <>
      <VirtualList
        label={`Mend or leave: ${group.title}`}
        rows={group.kept}
        rowHeight={rowHeight}
        active={active}
        onActive={setActive}
        row={(row) => (
          <>
            <span class={mended(row) === false ? 'row-tick left' : 'row-tick'}>{mended(row) === false ? 'leave' : 'mend'}</span>
            <FindingRow finding={pages.get(row)} />
          </>
        )}
        onSeen={onSeen}
        checked={mended}
        onToggle={toggle}
      />
      <p class="muted">
        {can || fixed
          ? 'A click or the space bar changes a row between mend and leave.'
          : `Of more than ${MOST_NAMED.toLocaleString('en')} findings all are left together, or single ones: tick the kind first.`}
      </p>
      {pages.problem !== null && <ProblemText problem={pages.problem} />}
    </>
  );
}
