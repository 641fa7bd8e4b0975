import type {ComponentChildren} from 'preact';
import {formatBytes, plural} from '../base/units';
import {passesOf, PHASES} from '../model/phases';
import type {Severity} from '../model/severity';
import {headlineOf, toneOf, verdictLabel} from '../model/verdict';
import type {Tone} from '../model/verdict';
import {changeWords, currentVerdict, isApplied, statusState} from '../state/session';
import type {OpenSession, Session} from '../state/session';
import {SeveritySign} from './signs';
import {ImageText, Prose} from './text';

/**
 * The one line that says how things are. It is there in every state, so that assistive technology hears each change;
 * scripts read its attributes.
 */
export function Status({session}: {session: Session}) {
  const verdict = session.step === 'open' ? currentVerdict(session) : null;
  return (
    <div
      role="status"
      class={`status ${moodOf(session)}`}
      data-state={statusState(session)}
      data-verdict={verdict?.state}
      data-exit={verdict?.exitCode}
    >
      <StatusLine session={session} />
    </div>
  );
}

function StatusLine({session}: {session: Session}) {
  switch (session.step) {
    case 'empty':
      return <p>No image is open.</p>;
    case 'opening':
      return (
        <Headline kicker="Opening">
          <ImageText text={session.file.name} />
        </Headline>
      );
    case 'checking':
      return (
        <Headline kicker={session.stopping ? 'Stopping' : 'Checking'} note={phaseText(session)}>
          <ImageText text={session.file.name} />
        </Headline>
      );
    case 'failed':
      return (
        <Headline kicker="Not opened" severity="danger">
          <Prose text={session.problem.title} />
        </Headline>
      );
    case 'open':
      return <VerdictLine session={session} />;
  }
}

function VerdictLine({session}: {session: OpenSession}) {
  const {work} = session;
  if (work !== null) {
    const what = work.change.kind === 'repair' ? 'the repair' : 'the width change';
    const doing = work.doing === 'applying' ? `Applying ${what} in memory` : `Undoing ${what}`;
    return <Headline kicker={doing}>and checking the image once more</Headline>;
  }
  const verdict = currentVerdict(session);
  const label = verdictLabel(verdict);
  const now = headlineOf(verdict) === `${label}.` ? 'Check finished' : label;
  const kicker = isApplied(session) ? `After ${changeWords(session)}: ${label}` : now;
  return (
    <Headline kicker={kicker} severity={SIGN_OF_TONE[toneOf(verdict)]}>
      <Prose text={headlineOf(verdict)} />
    </Headline>
  );
}

/** The sign for each tone of a verdict. */
export const SIGN_OF_TONE: Record<Tone, Severity> = {calm: 'none', mild: 'waste', careful: 'warning', newer: 'note', grave: 'danger'};

interface HeadlineProps {
  kicker: string;
  severity?: Severity;
  note?: string;
  children: ComponentChildren;
}

function Headline({kicker, severity, note, children}: HeadlineProps) {
  return (
    <>
      {severity !== undefined && <SeveritySign severity={severity} />}
      <div>
        <p class="kicker">{kicker}</p>
        <p class="headline">{children}</p>
        {note !== undefined && <p class="hidden">{note}</p>}
      </div>
    </>
  );
}

/** Changes with the pass only, so that a screen reader is not flooded. */
function phaseText({progress, file}: Extract<Session, {step: 'checking'}>): string {
  const phase = PHASES.find((candidate) => candidate.phase === progress?.phase);
  return phase === undefined ? formatBytes(file.size) : `${phase.label}. ${plural(passesOf(progress).length, 'pass', 'passes')}.`;
}

/** Decides the colour of the verdict. */
function moodOf(session: Session): string {
  switch (session.step) {
    case 'empty':
      return 'empty';
    case 'opening':
    case 'checking':
      return 'busy';
    case 'failed':
      return 'grave';
    case 'open':
      return statusState(session) === 'checking' ? 'busy' : toneOf(currentVerdict(session));
  }
}
