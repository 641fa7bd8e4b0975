import {formatBytes, formatShare} from '../base/units';
import {notHere} from '../engine/problems';
import {isRemote} from '../engine/remote';
import {changedName} from '../model/names';
import {changeMarks, changeWords, currentInfo, isApplied, isRepaired} from '../state/session';
import type {OpenSession} from '../state/session';
import type {Saving} from '../state/view';
import {useController, useStore} from './app-context';
import {goTo} from './go-to';
import {ProblemText} from './problem';
import {SavePatches} from './save-patches';
import {SaveReport} from './save-report';
import {SaveSkeleton} from './save-skeleton';
import {FileName, RoomWarning, SavedFile} from './saved';
import {Section} from './section';

/** Takes results out of the page: the image, patches, a copy without data, reports. */
export function SavePanel({session}: {session: OpenSession}) {
  return (
    <Section panel="save" label="Save" heading="Save">
      <div class="save-grid">
        <div>
          <SaveImage session={session} />
          <SaveSkeleton session={session} />
        </div>
        <div>
          <SavePatches session={session} />
          <SaveReport session={session} />
        </div>
      </div>
    </Section>
  );
}

function SaveImage({session}: {session: OpenSession}) {
  const controller = useController();
  const {saving} = useStore(controller.view);
  if (!isApplied(session)) {
    return (
      <div class="card">
        <h3>Repaired image</h3>
        <p>
          {session.verdict.repairable
            ? 'Once a repair is applied, the repaired copy can be saved here.'
            : 'There is no change to save.'}
        </p>
        {session.verdict.repairable && (
          <button type="button" onClick={() => goTo('repair')}>
            Go to the repair
          </button>
        )}
      </div>
    );
  }
  const {original} = controller;
  if (original !== null && isRemote(original.file)) {
    return (
      <div class="card">
        <h3>Repaired image</h3>
        <ProblemText problem={notHere(original.file.name)} />
      </div>
    );
  }
  const size = currentInfo(session).fileSize;
  const repaired = isRepaired(session);
  return (
    <div class="card save-image">
      <h3>{repaired ? 'Repaired image' : 'Changed image'}</h3>
      <p>
        A whole copy of {formatBytes(size)} with {changeWords(session)} in it; your file stays as it is. Start the virtual
        machine from the copy, and keep the original until you know that all is well.
      </p>
      <RoomWarning bytes={size} />
      <button type="button" class="primary" disabled={saving.step === 'writing'} onClick={() => void controller.save()}>
        {repaired ? 'Save repaired image' : 'Save changed image'}
      </button>
      <FileName name={changedName(session.file.name, changeMarks(session))} />
      <div aria-live="polite">
        <SavingState saving={saving} />
      </div>
    </div>
  );
}

function SavingState({saving}: {saving: Saving}) {
  const controller = useController();
  switch (saving.step) {
    case 'none':
      return null;
    case 'failed':
      return <ProblemText problem={saving.problem} />;
    case 'writing':
      return (
        <div class="progress">
          <progress aria-label="Saving" value={saving.written} max={saving.total} />
          <span class="amount" aria-hidden="true">
            {formatBytes(saving.written)} of {formatBytes(saving.total)}, {formatShare(saving.written, saving.total)}
          </span>
          <button type="button" onClick={() => controller.stopSaving()}>
            Cancel
          </button>
        </div>
      );
    case 'saved':
      return <SavedFile name={saving.name} bytes={saving.bytes} copy={saving.how === 'streamed' ? saving.copy : null} image />;
  }
}
