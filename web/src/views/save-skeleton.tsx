import {useState} from 'preact/hooks';
import {formatBytes} from '../base/units';
import {skeletonArchiveName, skeletonName} from '../model/names';
import {keepable, leftOut} from '../model/skeleton';
import type {SkeletonView} from '../protocol/protocol.gen';
import type {OpenSession} from '../state/session';
import {useController, useStore} from './app-context';
import {FileName, SavedFile, TakingState} from './saved';
import {SeveritySign} from './signs';
import {ImageText} from './text';

/** A copy with the structure and without the data, for those who write the programs that made the damage. */
export function SaveSkeleton({session}: {session: OpenSession}) {
  const {takeaway} = useController();
  const busy = ['preparing', 'writing'].includes(useStore(takeaway.taking).step);
  const [keep, setKeep] = useState<readonly string[]>([]);
  const {info, file} = session;
  return (
    <div class="card save-skeleton">
      <h3>Copy without your data, for a bug report</h3>
      <p>
        It keeps the structure of your file, without a repair: header, tables, refcounts, the lists of snapshots and bitmaps.
        A check finds the same in it. <strong>Blank are</strong> the data of the disk, compressed or not, saved states of
        virtual machines, all that nothing points to, and the keys of an encrypted image.
      </p>
      <Keep info={info} keep={keep} onKeep={setKeep} />
      <div class="row">
        <button type="button" disabled={busy} onClick={() => void takeaway.skeleton(true, [...keep])}>
          Save as archive
        </button>
        <button type="button" disabled={busy} onClick={() => void takeaway.skeleton(false, [...keep])}>
          Save as image
        </button>
      </div>
      <p class="muted">
        The archive is small; <code>tar -xf</code> makes the image of it. The image is {formatBytes(info.fileSize)} long, of
        which almost all is empty.
      </p>
      <FileName name={`${skeletonArchiveName(file.name)}, ${skeletonName(file.name)}`} />
      <TakingState
        of={['skeleton']}
        saved={({name, bytes, copy, skeleton}) => (
          <SavedFile name={name} bytes={bytes} copy={copy} image={name.endsWith('.qcow2')}>
            {skeleton !== null && <Outcome skeleton={skeleton} />}
          </SavedFile>
        )}
      />
    </div>
  );
}

interface KeepProps {
  info: OpenSession['info'];
  keep: readonly string[];
  onKeep: (keep: readonly string[]) => void;
}

/** Asks what of the user's may be in the copy. */
function Keep({info, keep, onKeep}: KeepProps) {
  const toggle = (thing: string, on: boolean) => onKeep(on ? [...keep, thing] : keep.filter((kept) => kept !== thing));
  return (
    <fieldset class="keep">
      <legend>May these be in it?</legend>
      {keepable(info).map(({thing, label, example, warning}) => (
        <label key={thing}>
          <input type="checkbox" checked={keep.includes(thing)} onChange={(event) => toggle(thing, event.currentTarget.checked)} />
          <span>
            {label}
            {example !== '' && (
              <>
                : <ImageText text={example} />
              </>
            )}
            {warning !== '' && <span class="muted"> {warning}</span>}
          </span>
        </label>
      ))}
      <p class="muted">Names that are not kept become others of the same length.</p>
    </fieldset>
  );
}

/** What was kept and what was left out, once it is known. */
function Outcome({skeleton}: {skeleton: SkeletonView}) {
  return (
    <>
      <p>
        {skeleton.same ? (
          'A check finds in it what it finds in your file.'
        ) : (
          <>
            <SeveritySign severity="warning" /> A check does not find the same in it as in your file: say so when you hand it on.
          </>
        )}
      </p>
      <ul class="left-out">
        <li>{formatBytes(skeleton.tables)} of structure are kept.</li>
        {leftOut(skeleton).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </>
  );
}
