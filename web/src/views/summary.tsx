import {formatBytes, formatCount, formatDecimalBytes, plural} from '../base/units';
import {countsBySeverity} from '../model/findings';
import {SEVERITY_FACTS} from '../model/severity';
import {adviceOf, EXIT_CODES, knowsNothing} from '../model/verdict';
import type {Info, Verdict} from '../protocol/protocol.gen';
import {changeWords, currentInfo, currentVerdict, isApplied, isBusy} from '../state/session';
import type {OpenSession} from '../state/session';
import {useController} from './app-context';
import {Facts} from './facts';
import {goTo} from './go-to';
import {HeaderTable} from './header-table';
import {OutsideFiles} from './outside-files';
import {ProblemRest} from './problem';
import {Section} from './section';
import {SeveritySign} from './signs';
import {Prose} from './text';
import {UsagePanel} from './usage';

/** What to do about the verdict. Stands right under it. */
export function VerdictActions({session}: {session: OpenSession}) {
  const verdict = currentVerdict(session);
  return (
    <div class="verdict-rest">
      <p class="advice">
        <Prose text={adviceOf(verdict)} />
      </p>
      {verdict.incomplete && verdict.problem.kind !== 'cancelled' && <ProblemRest problem={verdict.problem} />}
      <Counts verdict={verdict} />
      <Actions session={session} verdict={verdict} />
    </div>
  );
}

function Counts({verdict}: {verdict: Verdict}) {
  const counts = countsBySeverity(verdict.groups);
  return counts.length === 0 ? null : (
    <ul class="counts" aria-label="Findings by severity">
      {counts.map(({severity, count}) => (
        <li key={severity} class={severity} title={SEVERITY_FACTS[severity].meaning}>
          <SeveritySign severity={severity} />
          {SEVERITY_FACTS[severity].word} <strong>{formatCount(count)}</strong>
        </li>
      ))}
    </ul>
  );
}

function Actions({session, verdict}: {session: OpenSession; verdict: Verdict}) {
  const controller = useController();
  if (verdict.incomplete) {
    return (
      <div class="row">
        <button type="button" class="primary" onClick={() => void controller.recheck()}>
          Check again
        </button>
      </div>
    );
  }
  const applied = isApplied(session);
  return (
    <div class="row">
      {applied && (
        <button type="button" class="primary" onClick={() => goTo('save')}>
          Go on to save
        </button>
      )}
      {!applied && verdict.repairable && <SeePlan session={session} />}
      {verdict.groups.length > 0 && (
        <button type="button" class="quiet" onClick={() => goTo('findings')}>
          What was found?
        </button>
      )}
    </div>
  );
}

function SeePlan({session}: {session: OpenSession}) {
  const controller = useController();
  const see = () => {
    goTo('repair');
    if (session.plan.step === 'none') {
      // The plan makes the page longer: only then can its heading come to the top.
      void controller.plan({scope: 'all', accept: [], leave: []}).then(() => goTo('repair'));
    }
  };
  return (
    <button type="button" class="primary" disabled={isBusy(session)} onClick={see}>
      See what a repair would do
    </button>
  );
}

export function SummaryPanel({session}: {session: OpenSession}) {
  const verdict = currentVerdict(session);
  const info = currentInfo(session);
  return (
    <Section panel="summary" label="Summary" heading={isApplied(session) ? `Summary after ${changeWords(session)}` : 'Summary'}>
      <OutsideFiles info={info} />
      <div class="summary-grid">
        <ThisImage info={info} />
        {!knowsNothing(verdict) && <QemuCounts verdict={verdict} />}
      </div>
      <UsagePanel verdict={verdict} fileSize={info.fileSize} />
      {knowsNothing(verdict) && <HeaderTable info={info} />}
    </Section>
  );
}

function ThisImage({info}: {info: Info}) {
  const facts: [string, string][] = [
    ['Format', `qcow2 version ${info.version}`],
    ['Virtual disk', formatDecimalBytes(info.virtualSize)],
    ['File', formatBytes(info.fileSize)],
    ['Clusters', `${plural(info.hostClusters, 'cluster')} of ${formatBytes(info.clusterSize)}`],
    ['Refcounts', `${info.refcountBits} bits${info.lazyRefcounts ? ', lazy' : ''}`],
    ['L2 entries', info.extendedL2 ? 'extended, 32 subclusters each' : 'standard'],
    ['Compression', info.compression],
    ['Encryption', info.encryption === 'none' ? 'none' : `${info.encryption}: structure checked, data not readable`],
    ['Snapshots', info.snapshots === 0 ? 'none' : formatCount(info.snapshots)],
    ['Bitmaps', info.bitmaps === 0 ? 'none' : formatCount(info.bitmaps)],
    ['Closed cleanly', info.dirty ? 'no: the dirty bit is set' : 'yes'],
    ['Locked by QEMU', info.corrupt ? 'yes: the corrupt bit is set' : 'no'],
  ];
  return (
    <div class="card">
      <h3>This image</h3>
      <Facts class="facts" facts={facts} />
    </div>
  );
}

function QemuCounts({verdict}: {verdict: Verdict}) {
  const counts: [string, string][] = [
    ['Corruptions', formatCount(verdict.corruptions)],
    ['Leaked clusters', formatCount(verdict.leaks)],
    ['Check errors', formatCount(verdict.checkErrors)],
    ['Allocated', `${formatCount(verdict.allocated)} of ${plural(verdict.totalClusters, 'guest cluster')}`],
    ['Fragmented', formatCount(verdict.fragmented)],
    ['Compressed', formatCount(verdict.compressed)],
    ['Image ends at', formatBytes(verdict.imageEnd)],
  ];
  return (
    <div class="card">
      {verdict.incomplete ? (
        <h3>Counted before the check ended</h3>
      ) : (
        <>
          <h3>
            Same as <code>qemu-img check</code>: exit {verdict.exitCode}
          </h3>
          <p class="muted">{EXIT_CODES[verdict.exitCode] ?? ''}</p>
        </>
      )}
      <Facts class="facts" facts={counts} />
    </div>
  );
}
