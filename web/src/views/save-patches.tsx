import {patchName, planName, undoPatchName, undoPlanName} from '../model/names';
import {isApplied} from '../state/session';
import type {OpenSession} from '../state/session';
import {useController} from './app-context';
import {FileName, SavedFile, TakingState} from './saved';
import {ImageText} from './text';

/** The change as files that are much smaller than the image: for where the image lies, and to take it back. */
export function SavePatches({session}: {session: OpenSession}) {
  const controller = useController();
  const planned = session.plan.step === 'planned' && !session.plan.plan.empty;
  if (!planned && !isApplied(session)) {
    return null;
  }
  const {name} = session.file;
  return (
    <div class="card save-patches">
      <h3>Only what changes</h3>
      <p>
        A small file instead of a whole copy, for the computer where the image lies. The patch makes the changed image out
        of yours, the undo patch makes yours again, byte for byte. The format is VCDIFF; <code>xdelta3</code> applies it and
        refuses a file that it is not for:
      </p>
      <pre class="command" tabIndex={0} role="group" aria-label="Command">
        xdelta3 -d -s disk.qcow2 <ImageText text={patchName('disk.qcow2')} /> repaired.qcow2
      </pre>
      <div class="row">
        <button type="button" onClick={() => void controller.takeaway.patch(false)}>
          Save patch
        </button>
        <button type="button" onClick={() => void controller.takeaway.patch(true)}>
          Save undo patch
        </button>
      </div>
      <FileName name={`${patchName(name)}, ${undoPatchName(name)}`} />
      <TakingState of={['patch', 'undo-patch']} saved={({name: file, bytes}) => <SavedFile name={file} bytes={bytes} copy={null} image={false} />} />
      <details class="more">
        <summary>As JSON, to read or for qcowscope</summary>
        <p>
          Every write with its place, old and new bytes, and the reason. <code>qcowscope apply</code> takes either file.
        </p>
        <div class="row">
          <button type="button" onClick={() => void controller.savePlan(false)}>
            Save plan
          </button>
          <button type="button" onClick={() => void controller.savePlan(true)}>
            Save undo plan
          </button>
        </div>
        <FileName name={`${planName(name)}, ${undoPlanName(name)}`} />
      </details>
      <p class="muted">All of them hold bytes of the image: of its tables and, where clusters are copied, of the disk.</p>
    </div>
  );
}
