import {formatBytes} from '../base/units';
import type {Session} from '../state/session';
import {useController} from './app-context';
import {ProblemRest} from './problem';
import {ImageText} from './text';

/** What to do when an image could not be opened or checked. Its title is in the status line. */
export function FailedPanel({session}: {session: Extract<Session, {step: 'failed'}>}) {
  const controller = useController();
  const {file, problem} = session;
  return (
    <section class="card failed" aria-label="What to do now">
      <p class="file-line">
        <ImageText text={file.name} />, {formatBytes(file.size)}
      </p>
      <ProblemRest problem={problem} />
      <div class="row">
        {problem.kind !== 'not-qcow2' && (
          <button type="button" onClick={() => void controller.reopen()}>
            Try again
          </button>
        )}
        <button type="button" class="quiet" onClick={() => controller.close()}>
          Back to the start
        </button>
      </div>
    </section>
  );
}
