import {formatBytes, formatShare} from '../base/units';
import {changedName, planName, reportName, undoPlanName} from '../model/names';
import {changeMarks, changeWords, currentInfo, isApplied, isRepaired} from '../state/session';
import type {OpenSession} from '../state/session';
import type {Saving} from '../state/view';
import {useController, useStore} from './app-context';
import {ProblemText} from './problem';
import {Section} from './section';
import {SeveritySign} from './signs';
import {ImageText} from './text';

/** Takes results out of the page: the repaired image, and the report. */
export function SavePanel({session}: {session: OpenSession}) {
  return (
    <Section panel="save" label="Save" heading="Save">
      <div class="save-grid">
        {isApplied(session) ? (
          <SaveImage session={session} />
        ) : (
          <div class="card">
            <h3>Repaired image</h3>
            <p>
              {session.verdict.repairable
                ? 'Once a repair is applied, the repaired copy can be saved here.'
                : 'There is no change to save.'}
            </p>
          </div>
        )}
        <div class="save-side">
          <SavePlans session={session} />
          <SaveReport session={session} />
        </div>
      </div>
    </Section>
  );
}

function SaveReport({session}: {session: OpenSession}) {
  const controller = useController();
  return (
    <div class="card">
      <h3>Report</h3>
      <p>
        All findings with their places, as JSON. It holds no data of your disk, but names that the image contains, such as
        those of snapshots.
      </p>
      <button type="button" onClick={() => void controller.saveReport()}>
        Save report (JSON)
      </button>
      <p class="muted">
        <ImageText text={reportName(session.file.name)} />
      </p>
    </div>
  );
}

/** The plan as files: to look through, to keep, or to apply where the image lies. */
function SavePlans({session}: {session: OpenSession}) {
  const controller = useController();
  const planned = session.plan.step === 'planned' && !session.plan.plan.empty;
  if (!planned && !isApplied(session)) {
    return null;
  }
  const name = session.file.name;
  return (
    <div class="card save-plans">
      <h3>Plan</h3>
      <p>
        Every write with its place, old and new bytes, and the reason, as JSON. On the command line{' '}
        <code>qcowscope apply</code> takes either file: the plan changes a copy of this image, the undo plan turns the
        changed copy back into this image, byte for byte. Both hold bytes of the image: of its tables and,
        where clusters are copied, of the disk.
      </p>
      <div class="row">
        <button type="button" onClick={() => void controller.savePlan(false)}>
          Save plan
        </button>
        <button type="button" onClick={() => void controller.savePlan(true)}>
          Save undo plan
        </button>
      </div>
      <p class="muted">
        <ImageText text={planName(name)} />, <ImageText text={undoPlanName(name)} />
      </p>
    </div>
  );
}

function SaveImage({session}: {session: OpenSession}) {
  const controller = useController();
  const {saving} = useStore(controller.view);
  const size = currentInfo(session).fileSize;
  const repaired = isRepaired(session);
  return (
    <div class="card save-image">
      <h3>{repaired ? 'Repaired image' : 'Changed image'}</h3>
      <p>
        A whole copy of {formatBytes(size)} with {changeWords(session)} in it. Make sure that there is room for it. Then start the
        virtual machine from the copy, and keep the original until you know that all is well.
      </p>
      <button type="button" class="primary" disabled={saving.step === 'writing'} onClick={() => void controller.save()}>
        {repaired ? 'Save repaired image' : 'Save changed image'}
      </button>
      <p class="muted">
        <ImageText text={changedName(session.file.name, changeMarks(session))} />
      </p>
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
      return <Saved saving={saving} />;
  }
}

function Saved({saving}: {saving: Extract<Saving, {step: 'saved'}>}) {
  const controller = useController();
  return (
    <div class="saved">
      <p>
        <SeveritySign severity="none" />{' '}
        {saving.how === 'streamed' ? 'Saved as ' : 'Your browser is downloading it as '}
        <strong>
          <ImageText text={saving.name} />
        </strong>
        , {formatBytes(saving.bytes)}.
      </p>
      {saving.how === 'streamed' ? (
        <button type="button" onClick={() => void controller.open({file: saving.copy, handle: null})}>
          Check the saved copy
        </button>
      ) : (
        <p class="muted">When it is done, compare its size, and drop it here to check the copy too.</p>
      )}
    </div>
  );
}
