import {useState} from 'preact/hooks';
import type {LabRequest} from '../../protocol/protocol.gen';
import {isBusy, isRepaired} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {useController} from '../app-context';
import {goTo} from '../go-to';
import {StructureRun} from './structure-run';

const REBUILD: Omit<LabRequest, 'redirect'> = {kind: 'rebuild', bits: 0, likeQemu: false};

/** A rebuild of all refcounts, to watch; the Repair section does it. */
export function RebuildTab({session}: {session: OpenSession}) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <div class="lab-intro">
        <p>
          Each cluster has a refcount: how many pointers lead to it. A rebuild counts all pointers anew, writes a whole
          new refcount structure into clusters that are free, and switches to it with one write to the header. Watch it
          happen to this image, step by step. Nothing is written.
        </p>
        {!asked && (
          <button type="button" class="primary" onClick={() => setAsked(true)}>
            Show the steps
          </button>
        )}
      </div>
      {asked && (
        <StructureRun session={session} request={REBUILD} onStop={() => setAsked(false)}>
          {() => <InRepair session={session} />}
        </StructureRun>
      )}
    </>
  );
}

function InRepair({session}: {session: OpenSession}) {
  const controller = useController();
  const plan = () => {
    goTo('repair');
    void controller.plan({scope: 'rebuild', accept: [], leave: []}).then(() => goTo('repair'));
  };
  return isRepaired(session) ? null : (
    <div class="row">
      <button type="button" disabled={isBusy(session)} onClick={plan}>
        Plan this under Repair
      </button>
      <p class="muted">There you see every byte of it before it is applied.</p>
    </div>
  );
}
