import {crashRequest, firstChoice, followed} from '../../model/crashchoice';
import type {CrashChoice} from '../../model/crashchoice';
import {currentInfo, currentVerdict, isBusy} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {useController, useLoaded, useStore} from '../app-context';
import {goTo} from '../go-to';
import {CrashChooser} from './crash-chooser';
import {CrashRun} from './crash-run';

/** What a crash leaves at each moment of a change: redirected, and in place. */
export function CrashTab({session}: {session: OpenSession}) {
  const controller = useController();
  const {crash, epoch} = useStore(controller.view);
  const place = useLoaded(`${epoch}`, () => controller.engine.call('crashPlace', undefined));
  if (session.changes.at(-1)?.change.kind === 'crash') {
    return <OpenedCrash session={session} />;
  }
  if (crash === null && place.step === 'loading') {
    // A choice that is made before it is known would keep the wrong place.
    return <p role="status">Looking for a place to write to.</p>;
  }
  const plan = session.plan.step === 'planned' ? session.plan.request : null;
  const offset = place.step === 'loaded' ? place.value.offset : '0x0';
  const {repairable} = currentVerdict(session);
  const choice = followed(crash ?? firstChoice(repairable, currentInfo(session).refcountBits, offset), plan);
  const request = crash === null ? null : crashRequest(choice);
  const onChoice = (next: CrashChoice) => controller.change({crash: next});
  return (
    <>
      <div class="lab-intro">
        <p>
          A computer can stop at any moment: then some of what was being written is on the disk, and some is not, in pieces
          of 512 bytes. Pick a change and see what each crash would leave of this image, when the change is redirected and
          when it overwrites in place. Nothing is applied.
        </p>
        <CrashChooser session={session} choice={choice} onChoice={onChoice} />
        {crash === null && (
          <button type="button" class="primary" onClick={() => onChoice(choice)}>
            Show the crash points
          </button>
        )}
        {crash !== null && request === null && <p role="alert">Type where the guest writes, such as 0x1c000, and how much, such as 8K.</p>}
      </div>
      {request !== null && <CrashRun key={JSON.stringify(request)} session={session} request={request} onStop={() => controller.change({crash: null})} />}
    </>
  );
}

/** The image that is shown is what a crash left. */
function OpenedCrash({session}: {session: OpenSession}) {
  const controller = useController();
  return (
    <div class="lab-applied crash-opened">
      <p>
        <strong>All of this page shows what the crash left.</strong> The verdict at the top, the map, the findings and the bytes
        are those of that image; a repair can be planned for it, and it can be saved. Your file is as it was.
      </p>
      <div class="row">
        <button type="button" onClick={() => goTo('map')}>
          Go to the map
        </button>
        <button type="button" onClick={() => goTo('findings')}>
          Go to the findings
        </button>
        <button type="button" onClick={() => goTo('hex')}>
          Go to the bytes
        </button>
        <button type="button" class="primary" disabled={isBusy(session)} onClick={() => void controller.undo()}>
          Undo
        </button>
      </div>
    </div>
  );
}
