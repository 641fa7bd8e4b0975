import {formatBytes, formatCount, plural} from '../../base/units';
import {landedText, OUTCOME_FACTS, stateText} from '../../model/crash';
import type {Judged} from '../../model/crash';
import {severityNamed} from '../../model/severity';
import {CrashOutcomes} from '../../protocol/protocol.gen';
import type {CrashLanding, CrashOutcome, CrashSide, CrashState, CrashView} from '../../protocol/protocol.gen';
import {isBusy} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {useController, useLoaded, useStore} from '../app-context';
import type {Loaded} from '../app-context';
import {Facts} from '../facts';
import {ProblemText} from '../problem';
import {SeverityTag} from '../signs';
import {Hex, ImageText} from '../text';
import {OutcomeTag} from './crash-table';
import {useRested} from './use-rested';

interface CrashStateProps {
  session: OpenSession;
  view: CrashView;
  side: CrashSide;
  /** Of the side. */
  index: number;
  state: number;
  judged: Judged;
}

/** The image is asked for once the choosing rests. */
const REST_MS = 140;

/** The image at a crash point: its verdict, its findings, what the guest reads, and what has landed. */
export function CrashStateView({session, view, side, index, state, judged}: CrashStateProps) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const rested = useRested(state * view.sides.length + index, REST_MS);
  const asked = {side: rested % view.sides.length, state: Math.floor(rested / view.sides.length)};
  const loaded = useLoaded(`${epoch} ${rested}`, () => controller.engine.call('crashState', asked));
  const current = asked.side === index && asked.state === state ? loaded : ({step: 'loading'} as const);
  const outcome = current.step === 'loaded' ? named(current.value.outcome) : judged.state(state)?.outcome;
  return (
    <section class="crash-state" aria-label="The image at this crash point">
      <div class="crash-state-head">
        <h4>
          {side.name === 'redirected' ? 'Redirected' : 'In place'}: {stateText(side, state, judged)}
        </h4>
        {outcome !== undefined && <Headline outcome={outcome} loaded={current} view={view} />}
      </div>
      <Body loaded={current} side={side} view={view} />
      <div class="row">
        <button
          type="button"
          disabled={isBusy(session) || current.step !== 'loaded' || current.value.problem.kind !== ''}
          onClick={() => void controller.openCrash({side: index, state})}
        >
          Open this crash state
        </button>
        <button type="button" onClick={() => void controller.saveCrash({side: index, state})}>
          Save it as a plan
        </button>
        <p class="muted">Opened, all of the page shows it, in memory. The plan makes it out of a copy: qcowscope apply.</p>
      </div>
    </section>
  );
}

function named(outcome: string): CrashOutcome {
  return CrashOutcomes.find((known) => known === outcome) ?? 'does-not-open';
}

function Headline({outcome, loaded, view}: {outcome: CrashOutcome; loaded: Loaded<CrashState>; view: CrashView}) {
  const {safe, meaning} = OUTCOME_FACTS[outcome];
  const guest = loaded.step === 'loaded' ? ` ${guestText(loaded.value, view)}` : '';
  return (
    <p class={safe ? 'crash-verdict safe' : 'crash-verdict broken'}>
      <OutcomeTag outcome={outcome} />{' '}
      <span>
        {safe ? 'Safe' : 'Broken'}: {meaning}.{guest}
      </span>
    </p>
  );
}

function guestText({guest, problem}: CrashState, {sameGuest}: CrashView): string {
  if (problem.kind !== '') {
    return 'The guest can read nothing.';
  }
  if (guest === 'neither') {
    return 'The guest reads bytes that are neither the old nor the new ones.';
  }
  if (sameGuest) {
    return 'The guest reads the same bytes as before and after.';
  }
  return guest === 'old' ? 'The guest reads the old bytes.' : 'The guest reads the new bytes.';
}

function Body({loaded, side, view}: {loaded: Loaded<CrashState>; side: CrashSide; view: CrashView}) {
  if (loaded.step === 'failed') {
    return <ProblemText problem={loaded.problem} />;
  }
  if (loaded.step === 'loading') {
    return <p class="muted crash-body">Looking at it.</p>;
  }
  const state = loaded.value;
  return (
    <div class="crash-body">
      <div>
        {state.problem.kind === '' ? <Check state={state} view={view} /> : <ProblemText problem={state.problem} />}
      </div>
      <Landings state={state} side={side} />
    </div>
  );
}

/** What a check says of it. */
function Check({state, view}: {state: CrashState; view: CrashView}) {
  const counts: [string, string][] = [
    ['Corruptions', formatCount(state.corruptions)],
    ['Leaked clusters', formatCount(state.leaks)],
    ['Check errors', formatCount(state.checkErrors)],
  ];
  const worse = new Set(state.worse.map(({code}) => code));
  return (
    <>
      <Facts class="crash-counts" facts={counts} />
      {state.worse.length > 0 && (
        <p>
          <strong>More than before and after the change:</strong> {state.worse.map(({title, count}) => `${title} (${formatCount(count)})`).join('; ')}.
        </p>
      )}
      {state.findings.length === 0 ? (
        <p>The check finds nothing.</p>
      ) : (
        <ul class="crash-findings">
          {state.findings.map((finding) => (
            <li key={finding.id}>
              <SeverityTag severity={severityNamed(finding.severity)} />
              <p>
                <ImageText text={finding.what} />
                {worse.has(finding.code) && <em> New.</em>}
              </p>
            </li>
          ))}
        </ul>
      )}
      {view.compared > 0 && <p class="muted">About {formatBytes(view.compared)} of the disk were compared.</p>}
    </>
  );
}

/** The writes in flight, sector by sector. */
function Landings({state, side}: {state: CrashState; side: CrashSide}) {
  const flight = side.flights[state.flight];
  if (flight === undefined) {
    return (
      <div>
        <h5>What has landed</h5>
        <p>Everything.</p>
      </div>
    );
  }
  const more = flight.writes - state.landings.length;
  return (
    <div>
      <h5>What has landed of flight {state.flight + 1}</h5>
      <p class="muted">
        {state.flight > 0 && `Flights before it are on the disk. `}
        {capitalized(landedText({landed: state.sectors, torn: state.torn}, flight))}.
      </p>
      <div class="scroll tall" tabIndex={0} role="group" aria-label="Writes in flight">
        <ul class="landings">
          {state.landings.map((landing, i) => (
            <Landing key={i} landing={landing} />
          ))}
        </ul>
        {more > 0 && <p class="muted">And {plural(more, 'more write')}.</p>}
      </div>
    </div>
  );
}

function Landing({landing}: {landing: CrashLanding}) {
  const {landed, of, sectors} = landing;
  const word = landed === 0 ? 'not there' : landed === of ? 'landed' : `torn: ${formatCount(landed)} of ${plural(of, 'sector')}`;
  return (
    <li class={landed === 0 ? 'none' : landed === of ? 'all' : 'torn'}>
      <p>
        <Hex text={landing.offset} /> <span class="muted">{formatBytes(landing.length)}</span> <strong>{word}</strong>
      </p>
      <Sectors bits={sectors} more={of > sectors.length} />
      <p class="muted">
        <ImageText text={landing.why} />
      </p>
    </li>
  );
}

const BIT = 11;
const BITS_A_ROW = 32;

/** A square a sector: filled if it has landed. */
function Sectors({bits, more}: {bits: string; more: boolean}) {
  const rows = Math.ceil(bits.length / BITS_A_ROW);
  const path = (bit: string) =>
    Array.from(bits, (b, i) => (b === bit ? `M${(i % BITS_A_ROW) * BIT + 0.5} ${Math.floor(i / BITS_A_ROW) * BIT + 0.5}h${BIT - 2}v${BIT - 2}h${2 - BIT}z` : '')).join('');
  const width = Math.min(bits.length, BITS_A_ROW) * BIT;
  return (
    <p class="sectors">
      <svg width={width} height={rows * BIT} viewBox={`0 0 ${width} ${rows * BIT}`} aria-hidden="true">
        <path class="gone" d={path('0')} />
        <path class="there" d={path('1')} />
      </svg>
      {more && <span class="muted">and more</span>}
    </p>
  );
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
