import {firstSpan} from '../../model/writerange';
import type {Disk} from '../../model/writerange';
import {currentInfo, isBusy} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {USUAL_FILL} from '../../state/write';
import {useController, useLoaded, useStore} from '../app-context';
import {ProblemText} from '../problem';
import {ImageText} from '../text';
import {WriteSimulator} from './write-simulator';
import {WriteStates} from './write-states';
import {StopText} from './write-stop';
import {WriteTraces} from './write-traces';

/** What one request of the guest does to the image: seen while a range is dragged, applied if wanted. */
export function WriteTab({session}: {session: OpenSession}) {
  return (
    <>
      <AppliedWrite session={session} />
      <div class="lab-intro">
        <p>
          A guest writes a few bytes. What is copied, allocated and marked for it is decided by rules that few people know
          by heart. Drag over the picture to pick what the guest writes, and see it at once. Nothing is changed until you
          apply it, and then only in memory.
        </p>
      </div>
      <Simulator session={session} />
      <WriteStates session={session} />
      <WriteTraces session={session} />
    </>
  );
}

function Simulator({session}: {session: OpenSession}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const opened = useLoaded(`${epoch}`, () => controller.engine.call('writeOpen', undefined));
  switch (opened.step) {
    case 'loading':
      return <p role="status">Looking for the first free cluster.</p>;
    case 'failed':
      return <ProblemText problem={opened.problem} />;
    case 'loaded': {
      const {stop, disk: size} = opened.value;
      const {clusterSize, extendedL2: extended} = currentInfo(session);
      const disk: Disk = {size, clusterSize, extended};
      if (stop.title !== '') {
        return <StopText stop={stop} />;
      }
      const first = {...firstSpan(disk), kind: 'write', unmap: false, fill: USUAL_FILL};
      return size === 0 ? <p>The disk has no bytes that could be written.</p> : <WriteSimulator session={session} disk={disk} first={first} />;
    }
  }
}

/** The change that was applied last, if it was a write. */
function AppliedWrite({session}: {session: OpenSession}) {
  const controller = useController();
  const last = session.changes.at(-1)?.change;
  if (last?.kind !== 'write') {
    return null;
  }
  return (
    <div class="lab-applied row">
      <p>
        <strong>
          Applied in memory: <ImageText text={last.words} />.
        </strong>{' '}
        What you pick next is done to the image after it. It can be saved below.
      </p>
      <button type="button" disabled={isBusy(session)} onClick={() => void controller.undo()}>
        Undo
      </button>
    </div>
  );
}
