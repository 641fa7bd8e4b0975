import {useEffect} from 'preact/hooks';
import {formatCount, plural} from '../base/units';
import {countsBySeverity, NO_FILTER, placeNumber, placesIn, shownGroups, sortedGroups} from '../model/findings';
import type {GroupFilter, ShownGroup} from '../model/findings';
import {SEVERITY_FACTS, severityNamed} from '../model/severity';
import type {Severity} from '../model/severity';
import type {FindingGroup, Info} from '../protocol/protocol.gen';
import {changeWords, currentInfo, currentVerdict, isApplied, isBusy} from '../state/session';
import type {OpenSession} from '../state/session';
import {useController, useStore} from './app-context';
import {FindingGroupCard} from './finding-group';
import {Section} from './section';
import {SeveritySign} from './signs';

/** All that was found, grouped by kind, the worst first. */
export function FindingsPanel({session}: {session: OpenSession}) {
  const groups = sortedGroups(currentVerdict(session).groups);
  const shown = useShown(groups);
  return (
    <Section
      panel="findings"
      label="Findings"
      heading={isApplied(session) ? `Findings after ${changeWords(session)}` : 'Findings'}
      aside={groups.length > 0 && <Steps groups={shown ?? []} />}
    >
      {groups.length === 0 ? (
        <Nothing incomplete={currentVerdict(session).incomplete} />
      ) : (
        <>
          <Filter groups={groups} shown={shown} />
          <Groups shown={shown} info={currentInfo(session)} />
        </>
      )}
      <DeepCheck session={session} />
    </Section>
  );
}

/** The groups that pass the filter; null while the core looks for places. */
function useShown(groups: FindingGroup[]): ShownGroup[] | null {
  const controller = useController();
  const {filter, found, epoch} = useStore(controller.view);
  const places = placesIn(filter.text);
  const asked = places.join(' ');
  useEffect(() => {
    // Whoever types on does not mean what stands there yet.
    const timer = asked === '' ? 0 : window.setTimeout(() => void controller.findAt(asked.split(' ')), 150);
    return () => clearTimeout(timer);
  }, [controller, asked, epoch]);
  return shownGroups(groups, filter, found);
}

function Groups({shown, info}: {shown: ShownGroup[] | null; info: Info}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  if (shown === null) {
    return <p class="muted">Looking for what is there.</p>;
  }
  if (shown.length === 0) {
    return (
      <p>
        No finding fits the filter.{' '}
        <button type="button" class="quiet" onClick={() => controller.change({filter: NO_FILTER})}>
          Show all
        </button>
      </p>
    );
  }
  return (
    <ol class="groups">
      {shown.map((item) => (
        <FindingGroupCard key={`${epoch} ${item.group.code}`} shown={item} info={info} />
      ))}
    </ol>
  );
}

/** Compressed clusters are the one kind of data that can be seen to be broken: when they are decoded. */
function DeepCheck({session}: {session: OpenSession}) {
  const controller = useController();
  const verdict = currentVerdict(session);
  if (verdict.compressed === 0 || verdict.incomplete) {
    return null;
  }
  if (verdict.streams >= 0) {
    const broken = verdict.groups.find((group) => group.code === 'compressed-stream-broken')?.count ?? 0;
    return (
      <p class="card nothing">
        <SeveritySign severity={broken > 0 ? 'damage' : 'none'} />
        {plural(verdict.streams, 'compressed cluster')} decoded: {broken > 0 ? `${formatCount(broken)} broken.` : 'all can be read.'}
      </p>
    );
  }
  const applied = isApplied(session);
  return (
    <div class="card deep">
      <p>
        <strong>{plural(verdict.compressed, 'compressed cluster')}</strong> not looked into yet. Decoding shows whether
        the data can still be read. All of it is read from the file for that, which may take minutes.
        {applied && ` Undo ${changeWords(session)} first: it is the file as it is that would be read.`}
      </p>
      <button type="button" disabled={applied || isBusy(session)} onClick={() => void controller.recheck(true)}>
        Decode compressed clusters too
      </button>
    </div>
  );
}

function Nothing({incomplete}: {incomplete: boolean}) {
  return (
    <p class="card nothing">
      <SeveritySign severity={incomplete ? 'note' : 'none'} />
      {incomplete
        ? 'Nothing had been found when the check ended early.'
        : 'Nothing was found. The tables agree with each other; damage inside the data itself cannot be seen, since qcow2 has no checksums.'}
    </p>
  );
}

/** From finding to finding; the keys n and p do the same. */
function Steps({groups}: {groups: readonly ShownGroup[]}) {
  const controller = useController();
  const {finding} = useStore(controller.view);
  const {number, of} = finding === null ? {number: 0, of: 0} : placeNumber(groups, finding);
  return (
    <div class="steps">
      <span class="muted" aria-live="polite">
        {number > 0 && `Finding ${formatCount(number)} of ${formatCount(of)}`}
      </span>
      <div class="switch" role="group" aria-label="Go through the findings">
        <button type="button" onClick={() => void controller.stepFinding(-1)}>
          Previous <kbd aria-hidden="true">p</kbd>
        </button>
        <button type="button" onClick={() => void controller.stepFinding(1)}>
          Next <kbd aria-hidden="true">n</kbd>
        </button>
      </div>
    </div>
  );
}

function Filter({groups, shown}: {groups: FindingGroup[]; shown: ShownGroup[] | null}) {
  const controller = useController();
  const {filter} = useStore(controller.view);
  const change = (part: Partial<GroupFilter>) => controller.change({filter: {...filter, ...part}, finding: null});
  return (
    <div class="filter">
      <Severities groups={groups} filter={filter} change={change} />
      <div class="row">
        {(groups.length > 1 || filter.code !== '') && (
          <label>
            Kind
            <select
              aria-label="Only this kind of findings"
              value={filter.code}
              onChange={(event) => change({code: event.currentTarget.value})}
            >
              <option value="">All {plural(groups.length, 'kind')}</option>
              {groups.map((group) => (
                <option key={group.code} value={group.code}>
                  {SEVERITY_FACTS[severityNamed(group.severity)].word}: {group.title} ({formatCount(group.count)})
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          Filter <kbd aria-hidden="true">/</kbd>
          <input
            id="finding-filter"
            type="search"
            value={filter.text}
            placeholder="leaked, 0x1c0000, l2[0][5]"
            aria-label="Filter the findings"
            aria-describedby="filter-help"
            onInput={(event) => change({text: event.currentTarget.value})}
            onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
          />
        </label>
      </div>
      <p id="filter-help" class="hidden">
        Words of a kind, an offset in the file or on the disk, the number of a cluster, or a field.
      </p>
      <p class="hidden" aria-live="polite">
        {shown === null ? 'Looking.' : `${plural(shown.length, 'kind')} of findings shown`}
      </p>
    </div>
  );
}

interface SeveritiesProps {
  groups: FindingGroup[];
  filter: GroupFilter;
  change: (part: Partial<GroupFilter>) => void;
}

function Severities({groups, filter, change}: SeveritiesProps) {
  const toggle = (severity: Severity) => {
    const rest = filter.severities.filter((other) => other !== severity);
    change({severities: rest.length < filter.severities.length ? rest : [...filter.severities, severity]});
  };
  return (
    <div class="row" role="group" aria-label="Only these severities">
      {countsBySeverity(groups).map(({severity, count}) => (
        <button
          key={severity}
          type="button"
          class={`toggle ${severity}`}
          aria-pressed={filter.severities.includes(severity)}
          onClick={() => toggle(severity)}
        >
          <SeveritySign severity={severity} /> {SEVERITY_FACTS[severity].word} <strong>{formatCount(count)}</strong>
        </button>
      ))}
    </div>
  );
}
