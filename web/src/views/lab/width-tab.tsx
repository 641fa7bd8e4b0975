import {useState} from 'preact/hooks';
import {plural} from '../../base/units';
import {currentInfo, isBusy} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {useController} from '../app-context';
import {StructureRun} from './structure-run';

const WIDTHS = [1, 2, 4, 8, 16, 32, 64] as const;

const WAYS = [
  {likeQemu: false, name: 'Directly', text: 'The smallest structure, found at once.'},
  {likeQemu: true, name: 'Walk by walk', text: 'As QEMU does it: again and again over all refcounts, until nothing more needs a place.'},
] as const;

/** A change of the refcount width: what it would cost and gain, how it comes about, and applied if wanted. */
export function WidthTab({session}: {session: OpenSession}) {
  const {refcountBits} = currentInfo(session);
  const [bits, setBits] = useState<number>(refcountBits === 64 ? 16 : 64);
  const [likeQemu, setLikeQemu] = useState(false);
  const [asked, setAsked] = useState(false);
  return (
    <>
      <AppliedWidth session={session} />
      <div class="lab-intro">
        <p>
          The refcounts of this image are {plural(refcountBits, 'bit')} wide. Wider ones count more snapshots of the same
          cluster, narrower ones take less room. But refcounts lie in clusters, which have refcounts themselves: the new
          structure needs places that only the new structure can count.
        </p>
        <WidthChoice now={refcountBits} bits={bits} onBits={setBits} />
        <WayChoice likeQemu={likeQemu} onLikeQemu={setLikeQemu} />
        {!asked && (
          <button type="button" class="primary" onClick={() => setAsked(true)}>
            Show cost and steps
          </button>
        )}
      </div>
      {asked && (
        <StructureRun
          key={`${bits} ${likeQemu}`}
          session={session}
          request={{kind: 'width', bits, likeQemu}}
          onStop={() => setAsked(false)}
        >
          {() => <ApplyWidth session={session} bits={bits} />}
        </StructureRun>
      )}
    </>
  );
}

interface WidthChoiceProps {
  now: number;
  bits: number;
  onBits: (bits: number) => void;
}

function WidthChoice({now, bits, onBits}: WidthChoiceProps) {
  return (
    <fieldset class="widths">
      <legend>New width in bits</legend>
      {WIDTHS.map((width) => (
        <label key={width} class={width === bits ? 'on' : undefined}>
          <input type="radio" name="lab-width" value={width} checked={width === bits} disabled={width === now} onChange={() => onBits(width)} />
          <span>{width}</span>
          {width === now && <small>now</small>}
        </label>
      ))}
    </fieldset>
  );
}

interface WayChoiceProps {
  likeQemu: boolean;
  onLikeQemu: (likeQemu: boolean) => void;
}

function WayChoice({likeQemu, onLikeQemu}: WayChoiceProps) {
  return (
    <fieldset class="scopes ways">
      <legend>How its places are found</legend>
      {WAYS.map((way) => (
        <label key={way.name} class={way.likeQemu === likeQemu ? 'on' : undefined}>
          <input type="radio" name="lab-way" checked={way.likeQemu === likeQemu} onChange={() => onLikeQemu(way.likeQemu)} />
          <strong>{way.name}</strong> <span>{way.text}</span>
        </label>
      ))}
    </fieldset>
  );
}

function ApplyWidth({session, bits}: {session: OpenSession; bits: number}) {
  const controller = useController();
  if (session.work?.change.kind === 'width') {
    return <p>Applying, and checking again.</p>;
  }
  return (
    <div class="row">
      <button type="button" class="primary" disabled={isBusy(session)} onClick={() => void controller.applyWidth(bits)}>
        Apply width change
      </button>
      <p class="muted">In memory, and checked again at once. Your file is not touched.</p>
    </div>
  );
}

/** The change that was applied last, if it was one of the width. */
function AppliedWidth({session}: {session: OpenSession}) {
  const controller = useController();
  const last = session.changes.at(-1)?.change;
  if (last?.kind !== 'width') {
    return null;
  }
  return (
    <div class="lab-applied row">
      <p>
        <strong>Applied in memory: refcounts of {plural(last.bits, 'bit')}.</strong> The verdict at the top is that of the
        changed image, which can be saved below.
      </p>
      <button type="button" disabled={isBusy(session)} onClick={() => void controller.undo()}>
        Undo
      </button>
    </div>
  );
}
