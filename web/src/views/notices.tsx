import {useRef} from 'preact/hooks';
import {changeWords, isApplied} from '../state/session';
import type {OpenSession} from '../state/session';
import {goTo} from './go-to';
import {useController, useStore} from './app-context';
import {ProblemText} from './problem';
import {Icon} from './signs';
import {ImageText} from './text';
import {useCovers} from './use-covers';

/** What happened beside the image, until it is closed. */
export function NoticeBar() {
  const controller = useController();
  const {notice} = useStore(controller.view);
  const bar = useRef<HTMLDivElement>(null);
  useCovers(bar, '--notice-height');
  return (
    <div ref={bar} class="notices" aria-live="polite">
      {notice !== null && (
        <div class="notice">
          <p>
            <strong>
              <ImageText text={notice.title} />
            </strong>{' '}
            <ImageText text={notice.text} />
          </p>
          <button type="button" class="icon-button" aria-label="Close message" onClick={() => controller.change({notice: null})}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}

/** Stays in sight while what is shown is not the file but the image after a change; or if the file has changed. */
export function RepairBar({session}: {session: OpenSession}) {
  const controller = useController();
  const {changed} = session;
  if (changed !== null) {
    return (
      <aside class="bar changed" aria-label="The file changed">
        <ProblemText problem={changed}>
          <button type="button" onClick={() => void controller.reopen()}>
            Open it again
          </button>
        </ProblemText>
      </aside>
    );
  }
  return isApplied(session) ? <AfterBar session={session} /> : null;
}

function AfterBar({session}: {session: OpenSession}) {
  const bar = useRef<HTMLElement>(null);
  useCovers(bar, '--bar-height');
  return (
    <aside ref={bar} class="bar after" aria-label="What is shown">
      <p>
        <strong>You see the image after {changeWords(session)}.</strong> <span class="more">In memory only: your file is as it was.</span>
      </p>
      <a
        href="#save"
        onClick={(event) => {
          event.preventDefault();
          goTo('save');
        }}
      >
        Save a copy
      </a>
    </aside>
  );
}
