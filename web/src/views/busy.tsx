import {formatBytes, formatCount, plural} from '../base/units';
import {passesOf, phaseIndex, phaseShare} from '../model/phases';
import type {Info, Progress} from '../protocol/protocol.gen';
import type {Session} from '../state/session';
import {useController} from './app-context';

type Busy = Extract<Session, {step: 'opening' | 'checking'}>;

/** What is going on while an image is opened and checked, and the way out. */
export function BusyPanel({session}: {session: Busy}) {
  const controller = useController();
  const progress = session.step === 'checking' ? session.progress : null;
  const stopping = session.step === 'checking' && session.stopping;
  return (
    <section class="card busy" aria-label="Progress">
      {session.step === 'checking' && <FirstFacts info={session.info} />}
      <Passes progress={progress} />
      <ProgressBar progress={progress} />
      <div class="row">
        <p class="so-far">
          {progress === null || progress.findings === 0
            ? 'Nothing found so far.'
            : `So far: ${plural(progress.findings, 'finding')}.`}
        </p>
        <button type="button" disabled={stopping} onClick={() => void controller.cancel()}>
          Cancel
        </button>
      </div>
    </section>
  );
}

function FirstFacts({info}: {info: Info}) {
  return (
    <p class="first-facts">
      qcow2 version {info.version}, {formatBytes(info.fileSize)} on disk, {formatBytes(info.clusterSize)} clusters
    </p>
  );
}

function Passes({progress}: {progress: Progress | null}) {
  const current = phaseIndex(progress);
  return (
    <ol class="passes">
      {passesOf(progress).map(({phase, label}, i) => (
        <li key={phase} class={i < current ? 'done' : i === current ? 'now' : 'next'} aria-current={i === current ? 'step' : undefined}>
          {label}
        </li>
      ))}
    </ol>
  );
}

function ProgressBar({progress}: {progress: Progress | null}) {
  const share = progress === null ? null : phaseShare(progress);
  const amount = progress === null || share === null ? '' : `${formatCount(progress.done)} of ${formatCount(progress.total)}`;
  return (
    <div class="progress">
      <progress aria-label="Progress of this pass" {...(share === null ? {} : {value: share, max: 1})} />
      <span class="amount">{amount}</span>
    </div>
  );
}
