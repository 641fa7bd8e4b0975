import {useEffect, useRef, useState} from 'preact/hooks';
import {plural} from '../base/units';
import {byteOfFinding, clusterOf} from '../model/findings';
import {inFile} from '../model/map/place';
import {severityNamed} from '../model/severity';
import type {FindingGroup, FindingView, Info} from '../protocol/protocol.gen';
import {PAGE_SIZE} from '../protocol/ops';
import {useController, useLoaded, useStore} from './app-context';
import {goTo} from './go-to';
import {ShowBytes} from './hex/show-bytes';
import {Pager} from './pager';
import {ProblemText} from './problem';
import {SeverityTag} from './signs';
import {Hex, ImageText, Prose} from './text';

interface GroupProps {
  group: FindingGroup;
  info: Info;
}

/** One kind of finding: what it is, what it means, what a repair does, and where it is. */
export function FindingGroupCard({group, info}: GroupProps) {
  const controller = useController();
  const {finding} = useStore(controller.view);
  const [open, setOpen] = useState(false);
  const here = finding?.code === group.code;
  useEffect(() => {
    if (here) {
      setOpen(true);
    }
  }, [here]);
  const severity = severityNamed(group.severity);
  return (
    <li class={`card group ${severity}`}>
      <h3>
        <SeverityTag severity={severity} />
        <span class="group-title">{group.title}</span>
        <span class="group-count">{plural(group.count, 'finding')}</span>
      </h3>
      <dl class="explained">
        <div>
          <dt>What it means</dt>
          <dd>
            <Prose text={group.meaning} />
          </dd>
        </div>
        <div>
          <dt>{group.mendable ? 'What repair does' : 'Repair'}</dt>
          <dd>
            <Prose text={group.cure} />
          </dd>
        </div>
      </dl>
      {group.kept > 0 && (
        <button
          type="button"
          class="disclosure"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? 'Hide' : 'Show'} {plural(group.kept, 'place')}
          <span class="hidden">: {group.title}</span>
        </button>
      )}
      {open && <FindingPage group={group} info={info} />}
    </li>
  );
}

function FindingPage({group, info}: GroupProps) {
  const controller = useController();
  const {epoch, finding} = useStore(controller.view);
  const [from, setFrom] = useState(0);
  const current = finding?.code === group.code ? finding.index : null;
  useEffect(() => {
    if (current !== null) {
      setFrom(current - (current % PAGE_SIZE));
    }
  }, [current]);
  const loaded = useLoaded(`${epoch} ${group.code} ${from}`, () =>
    controller.engine.call('findings', {code: group.code, from, count: PAGE_SIZE, picks: []}),
  );
  const pager = <Pager of="findings" from={from} size={PAGE_SIZE} total={group.kept} onFrom={setFrom} />;
  if (loaded.step === 'failed') {
    return <ProblemText problem={loaded.problem} />;
  }
  return (
    <>
      {pager}
      {loaded.step === 'loading' ? (
        <p class="muted">Loading.</p>
      ) : (
        <ol class="findings" start={from + 1}>
          {loaded.value.findings.map((item, i) => (
            <FindingLine key={item.id} finding={item} info={info} current={current === from + i} />
          ))}
        </ol>
      )}
      {pager}
    </>
  );
}

interface LineProps {
  finding: FindingView;
  info: Info;
  current: boolean;
}

function FindingLine({finding, info, current}: LineProps) {
  const line = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (current) {
      line.current?.scrollIntoView({block: 'nearest'});
    }
  }, [current]);
  return (
    <li ref={line} class={current ? 'current' : undefined} aria-current={current ? 'true' : undefined}>
      <p class="what">
        <ImageText text={finding.what} />
      </p>
      <p class="facts-line">
        <ImageText text={finding.where} />
        {finding.got !== '' && (
          <>
            {' · holds '}
            <Hex text={finding.got} />
          </>
        )}
        {finding.want !== '' && (
          <>
            {', should be '}
            <Hex text={finding.want} />
          </>
        )}
      </p>
      {finding.qemu !== '' && (
        <p class="qemu">
          <span class="muted">qemu-img: </span>
          <code>
            <ImageText text={finding.qemu} />
          </code>
        </p>
      )}
      <ShowOnMap finding={finding} info={info} />
      <ShowBytes offset={byteOfFinding(finding, info.fileSize)} />
    </li>
  );
}

function ShowOnMap({finding, info}: {finding: FindingView; info: Info}) {
  const controller = useController();
  const cluster = clusterOf(finding, info.clusterSize);
  if (cluster === null || cluster >= info.hostClusters) {
    return null;
  }
  const show = () => {
    controller.change({selected: inFile(cluster)});
    goTo('map');
  };
  return (
    <button type="button" class="quiet" onClick={show}>
      Show on the map<span class="hidden">, cluster {cluster}</span>
    </button>
  );
}
