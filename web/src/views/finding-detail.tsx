import {useEffect, useRef} from 'preact/hooks';
import {formatBytes} from '../base/units';
import {canBeMended, canChooseSingly, isLeft, waysToMend, withItem} from '../model/choice';
import {clusterOf} from '../model/findings';
import {offsetOf} from '../model/hexgrid';
import {inFile, onDisk} from '../model/map/place';
import {severityNamed} from '../model/severity';
import type {FindingGroup, FindingView, Info} from '../protocol/protocol.gen';
import {isRepaired, repairOf} from '../state/session';
import {useController, useLoaded, useStore} from './app-context';
import {Evidence} from './evidence';
import {Fact} from './facts';
import {bringIntoSight, goTo} from './go-to';
import {showInHex} from './hex/go';
import {ProblemText} from './problem';
import {SeverityTag} from './signs';
import {Hex, ImageText, Prose} from './text';

interface DetailProps {
  group: FindingGroup;
  index: number;
  info: Info;
}

/** All about one finding: what, where, what it means, what can be done, and the evidence. */
export function FindingDetail({group, index, info}: DetailProps) {
  const controller = useController();
  const loaded = useLoaded(`${group.code} ${index}`, () =>
    controller.engine.call('findings', {code: group.code, from: index, count: 1, picks: []}),
  );
  const box = useRef<HTMLElement>(null);
  const ready = loaded.step === 'loaded';
  useEffect(() => {
    if (ready && box.current !== null) {
      bringIntoSight(box.current, 'findings');
    }
  }, [ready]);
  const finding = loaded.step === 'loaded' ? loaded.value.findings[0] : undefined;
  return (
    <article ref={box} class="finding-detail" aria-label="Selected finding">
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {finding === undefined ? <p class="muted">Looking it up.</p> : <Facts group={group} finding={finding} index={index} info={info} />}
    </article>
  );
}

function Facts({group, finding, index, info}: DetailProps & {finding: FindingView}) {
  return (
    <>
      <p class="what">
        <SeverityTag severity={severityNamed(finding.severity)} /> <strong><ImageText text={finding.what} /></strong>
      </p>
      <dl class="finding-parts">
        <Fact name="Where">
          <Places finding={finding} info={info} />
        </Fact>
        <Fact name="What it means">
          <Prose text={group.meaning} />
        </Fact>
        <Fact name="What can be done">
          <p>{waysToMend(group)}</p>
          <p>
            <Prose text={group.cure} />
          </p>
          {group.consent !== '' && (
            <p>
              <strong>If you accept it:</strong> <Prose text={group.consent} />
            </p>
          )}
          <LeaveThis group={group} finding={finding} />
        </Fact>
        <Fact name="Evidence">
          <Evidence finding={finding} index={index} info={info} />
        </Fact>
        {finding.qemu !== '' && (
          <Fact name="qemu-img says">
            <code>
              <ImageText text={finding.qemu} />
            </code>
          </Fact>
        )}
      </dl>
    </>
  );
}

/** The field, the part of the file and the part of the disk, each with the ways to it. */
function Places({finding, info}: {finding: FindingView; info: Info}) {
  const controller = useController();
  const cluster = clusterOf(finding, info.clusterSize);
  const at = within(finding.at, info.fileSize);
  const host = within(finding.host, info.fileSize);
  const guest = clusterOf({host: finding.guest}, info.clusterSize);
  const show = (place: ReturnType<typeof inFile>) => {
    controller.change({selected: place});
    goTo('map');
  };
  return (
    <ul class="finding-places">
      {finding.field !== '' && (
        <li>
          <span class="place-kind">Field</span>
          <span>
            <span class="mono">
              <ImageText text={finding.field} />
            </span>
            {finding.at !== '' && (
              <>
                {' '}at file offset <Hex text={finding.at} />
              </>
            )}
          </span>
          {at !== null && <Way to="Bytes" of="the field" go={() => showInHex(controller, at)} />}
        </li>
      )}
      {finding.host !== '' && (
        <li>
          <span class="place-kind">In the file</span>
          <span>
            host <Hex text={finding.host} />, {formatBytes(Number(finding.hostLength))}
          </span>
          {cluster !== null && cluster < info.hostClusters && <Way to="Map" of="the file" go={() => show(inFile(cluster))} />}
          {host !== null && <Way to="Bytes" of="the file" go={() => showInHex(controller, host)} />}
        </li>
      )}
      {finding.guest !== '' && (
        <li>
          <span class="place-kind">On the disk</span>
          <span>
            guest <Hex text={finding.guest} />, {formatBytes(Number(finding.guestLength))}
          </span>
          {guest !== null && <Way to="Map" of="the disk" go={() => show(onDisk(0, guest))} />}
        </li>
      )}
    </ul>
  );
}

/** The offset if it lies in the file. */
function within(text: string, fileSize: number): bigint | null {
  const offset = offsetOf(text);
  return offset !== null && offset < BigInt(fileSize) ? offset : null;
}

function Way({to, of, go}: {to: string; of: string; go: () => void}) {
  return (
    <button type="button" class="quiet" onClick={go}>
      {to}
      <span class="hidden"> of {of}</span>
    </button>
  );
}

/** Whether this one finding is mended: the same choice as under Repair. */
function LeaveThis({group, finding}: {group: FindingGroup; finding: FindingView}) {
  const controller = useController();
  const session = useStore(controller.session);
  if (session.step !== 'open' || isRepaired(session) || !canBeMended(group)) {
    return null;
  }
  const repair = repairOf(session);
  const request = repair.step === 'none' ? {scope: 'all', accept: [], leave: []} : repair.request;
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isLeft(request.leave, group.code, finding.id)}
        disabled={session.work !== null || !canChooseSingly(request.leave, group)}
        onChange={(event) => void controller.plan({...request, leave: withItem(request.leave, group, finding.id, !event.currentTarget.checked)})}
      />
      <span>Leave this one as it is</span>
    </label>
  );
}
