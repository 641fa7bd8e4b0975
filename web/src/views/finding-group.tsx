import {useEffect, useState} from 'preact/hooks';
import {plural} from '../base/units';
import {waysToMend} from '../model/choice';
import {rowsOf} from '../model/findings';
import type {ShownGroup} from '../model/findings';
import {severityNamed} from '../model/severity';
import type {Info} from '../protocol/protocol.gen';
import {useController, useStore} from './app-context';
import {Fact} from './facts';
import {FindingList} from './finding-list';
import {SeverityTag} from './signs';
import {Prose} from './text';

interface GroupProps {
  shown: ShownGroup;
  info: Info;
}

/** One kind of finding: what it is, what it means, what a repair does, and where it is. */
export function FindingGroupCard({shown, info}: GroupProps) {
  const {group} = shown;
  const controller = useController();
  const {finding} = useStore(controller.view);
  const found = shown.picks !== null;
  const [open, setOpen] = useState(found);
  const here = finding?.code === group.code;
  useEffect(() => {
    if (here || found) {
      setOpen(true);
    }
  }, [here, found]);
  const severity = severityNamed(group.severity);
  const rows = rowsOf(shown);
  return (
    <li class={`card group ${severity}`}>
      <h3>
        <SeverityTag severity={severity} />
        <span class="group-title">{group.title}</span>
        <span class="group-count">{plural(group.count, 'finding')}</span>
      </h3>
      <dl class="explained">
        <Fact name="What it means">
          <Prose text={group.meaning} />
        </Fact>
        <Fact name={group.mendable ? 'What repair does' : 'Repair'}>
          <Prose text={group.cure} /> {!group.mendable && <strong class="way">{waysToMend(group)}</strong>}
        </Fact>
      </dl>
      {rows > 0 && (
        <button type="button" class="disclosure" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide' : 'Show'} {plural(rows, 'place')}
          <span class="hidden">: {group.title}</span>
        </button>
      )}
      {open && rows > 0 && <FindingList shown={shown} info={info} />}
    </li>
  );
}
