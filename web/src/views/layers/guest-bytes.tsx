import {useState} from 'preact/hooks';
import {parseOffset} from '../../base/units';
import {hexLines} from '../../model/guestbytes';
import {useController, useLoaded} from '../app-context';
import {Fold} from '../fold';
import {ImageText} from '../text';

const LENGTH = 256;
/** Enough to see what a disk begins with. */
const START = 4096;

/** Bytes of the disk as the guest reads them, whichever file they come from. */
export function GuestBytes({names}: {names: string[]}) {
  return (
    <Fold class="fold" summary="Read the disk as the guest does">
      <Reader names={names} />
    </Fold>
  );
}

function Reader({names}: {names: string[]}) {
  const {engine} = useController();
  const [text, setText] = useState('0x0');
  const [offset, setOffset] = useState(0);
  const page = useLoaded(`guest ${offset}`, () =>
    engine.call('layersGuest', {offset: `0x${offset.toString(16)}`, length: offset === 0 ? START : LENGTH}),
  );
  const wanted = parseOffset(text);
  const read = (event: Event) => {
    event.preventDefault();
    if (wanted !== null) {
      setOffset(wanted);
    }
  };
  return (
    <div class="guest-bytes">
      <form class="row" onSubmit={read}>
        <label>
          At guest offset{' '}
          <input
            type="text"
            class="mono"
            value={text}
            aria-invalid={wanted === null}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={wanted === null}>
          Read
        </button>
        {wanted === null && <span role="status">An offset is a number such as 4096 or 0x1000.</span>}
      </form>
      {page.step === 'loaded' && (
        <div role="status">
          {page.value.looks !== '' && (
            <p>
              The disk begins like <strong>{page.value.looks}</strong>.
            </p>
          )}
          {page.value.link >= 0 && (
            <p class="muted">
              From <ImageText text={names[page.value.link] ?? ''} />
            </p>
          )}
          {page.value.why !== '' && (
            <p>
              <ImageText text={page.value.why} />
            </p>
          )}
        </div>
      )}
      {page.step === 'loaded' && page.value.bytes !== '' && (
        <div class="scroll" tabIndex={0} role="group" aria-label="Bytes of the disk">
          <pre class="mono">
            {hexLines(page.value.bytes.slice(0, 2 * LENGTH), offset).join('\n')}
          </pre>
        </div>
      )}
    </div>
  );
}
