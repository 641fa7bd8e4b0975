import type {ComponentChildren} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {formatBytes, formatShare} from '../base/units';
import {tooLittleRoom} from '../state/saving';
import type {Taking, What} from '../state/takeaway';
import {useController, useStore} from './app-context';
import {useDesk} from './desk-context';
import {ProblemText} from './problem';
import {SeveritySign} from './signs';
import {ImageText} from './text';

/** The name that a file will have. */
export function FileName({name}: {name: string}) {
  return (
    <p class="muted file-name">
      <ImageText text={name} />
    </p>
  );
}

/** Says so if the browser sees less room than is needed. It knows little of the disk: it is a hint. */
export function RoomWarning({bytes}: {bytes: number}) {
  const [room, setRoom] = useState<number | null>(null);
  useEffect(() => {
    let wanted = true;
    void tooLittleRoom(bytes).then((found) => wanted && setRoom(found));
    return () => {
      wanted = false;
    };
  }, [bytes]);
  return room === null ? (
    <p class="muted">The disk that you save to needs {formatBytes(bytes)} of free space.</p>
  ) : (
    <p class="room">
      <SeveritySign severity="warning" /> The disk that you save to needs {formatBytes(bytes)} of free space. The browser
      sees room for {formatBytes(room)} only, where it keeps its own files. Choose a disk that has enough.
    </p>
  );
}

interface SavedFileProps {
  name: string;
  bytes: number;
  /** The file where it lies now, null if the browser downloads it and does not say where. */
  copy: File | null;
  /** It is an image, which can be checked. */
  image: boolean;
  children?: ComponentChildren;
}

/** What was saved, and how to see that it is whole. */
export function SavedFile({name, bytes, copy, image, children}: SavedFileProps) {
  const desk = useDesk();
  return (
    <div class="saved">
      <p>
        <SeveritySign severity="none" /> {copy === null ? 'Your browser is downloading it as ' : 'Saved as '}
        <strong>
          <ImageText text={name} />
        </strong>
        , {formatBytes(bytes)}.
      </p>
      {children}
      {image && copy !== null && (
        <button type="button" onClick={() => void desk.open([{file: copy, handle: null}])}>
          Check the saved copy
        </button>
      )}
      {image && copy === null && (
        <p class="muted">When it is done, compare its size, and drop it here to check the copy too.</p>
      )}
    </div>
  );
}

interface TakingStateProps {
  /** The files that this place tells about. */
  of: readonly What[];
  /** What to say of one that is saved. */
  saved: (taking: Extract<Taking, {step: 'saved'}>) => ComponentChildren;
}

/** How far it is with what is being taken out of the page. */
export function TakingState({of, saved}: TakingStateProps) {
  const {takeaway} = useController();
  const taking = useStore(takeaway.taking);
  return <div aria-live="polite">{taking.step !== 'none' && of.includes(taking.what) && <Step taking={taking} saved={saved} />}</div>;
}

function Step({taking, saved}: {taking: Exclude<Taking, {step: 'none'}>; saved: TakingStateProps['saved']}) {
  const {takeaway} = useController();
  switch (taking.step) {
    case 'failed':
      return <ProblemText problem={taking.problem} />;
    case 'saved':
      return <>{saved(taking)}</>;
    default: {
      const known = taking.step === 'writing' && taking.total > 0;
      return (
        <div class="progress">
          <progress aria-label="Saving" {...(known ? {value: taking.written, max: taking.total} : {})} />
          <span class="amount" aria-hidden="true">
            {taking.step === 'preparing' ? 'Preparing' : formatBytes(taking.written)}
            {known && `, ${formatShare(taking.written, taking.total)}`}
          </span>
          <button type="button" onClick={() => takeaway.stop()}>
            Cancel
          </button>
        </div>
      );
    }
  }
}
