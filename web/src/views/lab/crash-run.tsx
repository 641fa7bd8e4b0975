import {useEffect, useRef, useState} from 'preact/hooks';
import {formatBytes, formatCount} from '../../base/units';
import {OUTCOME_FACTS} from '../../model/crash';
import type {Judged} from '../../model/crash';
import {outcomePath} from '../../model/crashlayout';
import {CrashOutcomes} from '../../protocol/protocol.gen';
import type {CrashRequest, CrashView} from '../../protocol/protocol.gen';
import type {OpenSession} from '../../state/session';
import {useController, useLoaded, useStore} from '../app-context';
import {ProblemText} from '../problem';
import {SeveritySign} from '../signs';
import {ImageText} from '../text';
import {Blocked} from './cost';
import {CrashSideView} from './crash-side';
import {CrashStateView} from './crash-state';
import {useJudging} from './use-judging';
import type {Judging} from './use-judging';
import {Working} from './working';

interface CrashRunProps {
  session: OpenSession;
  request: CrashRequest;
  onStop: () => void;
}

/** The crash points of a change, judged while they are shown. */
export function CrashRun({session, request, onStop}: CrashRunProps) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const loaded = useLoaded(`${epoch} ${JSON.stringify(request)}`, () => controller.engine.call('crash', request));
  switch (loaded.step) {
    case 'loading':
      return <Working text="Working it out." onStop={onStop} />;
    case 'failed':
      return <ProblemText problem={loaded.problem} />;
    case 'loaded':
      if (loaded.value.blocked.length > 0) {
        return <Blocked blockers={loaded.value.blocked} />;
      }
      return loaded.value.empty ? <p>This change writes nothing: there is nothing that a crash could interrupt.</p> : <Sides session={session} view={loaded.value} flushes={request.flushes} />;
  }
}

/** The crash point that is looked at. */
interface Picked {
  side: number;
  state: number;
}

function Sides({session, view, flushes}: {session: OpenSession; view: CrashView; flushes: string}) {
  const judging = useJudging(view);
  const [as, setAs] = useState<'picture' | 'table'>('picture');
  const [picked, setPicked] = useState<Picked>({side: 0, state: 0});
  const side = view.sides[picked.side];
  const judged = judging.sides[picked.side];
  return (
    <div class="crash" role="group" aria-label="Crash points">
      <div class="lab-player-head">
        <h3>Every point where the computer can stop</h3>
        <div class="switch" role="group" aria-label="Show the crash points as">
          {(['picture', 'table'] as const).map((choice) => (
            <button key={choice} type="button" aria-pressed={as === choice} onClick={() => setAs(choice)}>
              {choice === 'picture' ? 'Picture' : 'Table'}
            </button>
          ))}
        </div>
      </div>
      <Progress view={view} judging={judging} />
      {view.cannot !== '' && (
        <p class="redirect-cannot">
          <SeveritySign severity="warning" /> <strong>This change cannot be redirected:</strong> <ImageText text={view.cannot} />.
        </p>
      )}
      {view.sides.map((each, i) => {
        const known = judging.sides[i];
        return (
          known !== undefined && (
            <CrashSideView
              key={each.name}
              side={each}
              judged={known}
              as={as}
              flushes={flushes}
              picked={picked.side === i ? picked.state : null}
              onPick={(state) => setPicked({side: i, state})}
            />
          )
        );
      })}
      {as === 'picture' && <Legend sides={judging.sides} />}
      {side !== undefined && judged !== undefined && (
        <CrashStateView session={session} view={view} side={side} index={picked.side} state={picked.state} judged={judged} />
      )}
    </div>
  );
}

function Progress({view, judging}: {view: CrashView; judging: Judging}) {
  const {known, states, running, problem, stop, go} = judging;
  const done = known === states;
  return (
    <>
      <div class="crash-progress">
        {!done && <progress aria-label="Judging" value={known} max={states} />}
        <p>
          {done
            ? `All ${formatCount(states)} crash points were judged: each image opened, checked, and its disk read.`
            : `${formatCount(known)} of ${formatCount(states)} crash points judged, evenly over all.`}
          {view.compared > 0 && ` Of the disk, a sample of about ${formatBytes(view.compared)} is compared at each.`}
        </p>
        {running && (
          <button type="button" onClick={stop}>
            Stop
          </button>
        )}
        {!running && !done && (
          <button type="button" onClick={go}>
            Go on
          </button>
        )}
      </div>
      <Announced text={done ? `Judged: ${judging.sides.map((judged, i) => scoreText(view.sides[i]?.name ?? '', judged)).join('; ')}.` : ''} />
      {problem !== null && <ProblemText problem={problem} />}
    </>
  );
}

function scoreText(name: string, {broken, known}: Judged): string {
  return `${name === 'redirected' ? 'redirected' : 'in place'}, ${formatCount(broken)} of ${formatCount(known)} broken`;
}

/** Said once by a screen reader, when it is known. */
function Announced({text}: {text: string}) {
  const [said, setSaid] = useState('');
  const latest = useRef(text);
  latest.current = text;
  useEffect(() => setSaid(latest.current), [text]);
  return (
    <p class="hidden" aria-live="polite">
      {said}
    </p>
  );
}

const KEY = 16;

function Legend({sides}: {sides: readonly Judged[]}) {
  const there = CrashOutcomes.filter((outcome) => sides.some(({counts}) => counts[outcome] > 0));
  return (
    <ul class="stage-legend crash-legend">
      {there.map((outcome) => {
        const {word, safe, meaning} = OUTCOME_FACTS[outcome];
        return (
          <li key={outcome}>
            <svg class={safe ? 'safe' : 'broken'} width={KEY} height={KEY} aria-hidden="true">
              <path d={outcomePath(outcome, 0, 0, KEY)} fill-rule="evenodd" />
            </svg>
            <span>
              <strong>{word}</strong>: {meaning}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
