import {formatBytes, formatHex} from '../../base/units';
import type {QueuedWrite, WriteEvent, WriteRequest} from '../../protocol/protocol.gen';
import {isBusy} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {useController} from '../app-context';
import {ImageText} from '../text';
import {keptText} from './write-lanes';
import type {Preview} from './write-simulator';

interface QueueProps {
  session: OpenSession;
  events: readonly WriteEvent[];
  preview: Preview | null;
  /** What is picked: the next write. */
  request: WriteRequest;
  onEvents: (events: readonly WriteEvent[]) => void;
}

const STATE_TEXTS: Record<string, string> = {flying: 'in flight', waits: 'waits', done: 'written'};

/** Several writes at once: which must wait, which is shortened, and where. */
export function WriteQueue({session, events, preview, request, onEvents}: QueueProps) {
  const controller = useController();
  if (session.work?.change.kind === 'write') {
    return <p role="status">Applying, and checking again.</p>;
  }
  if (preview === null) {
    return null;
  }
  const {writes, next, done, barred, stopped} = preview;
  const finish = (number: number) => onEvents([...events, {finish: number, write: request}]);
  return (
    <section class="w-queue" aria-label="Writes in flight">
      <h3>Writes in flight</h3>
      <p class="muted">
        A write in flight has found or allocated its clusters, but no L2 entry says so yet. Two requests must never allocate
        the same cluster, so the second waits, or does only what it can before. Pick another range above.
      </p>
      {stopped !== '' && <p class="w-wrong">{stopped}</p>}
      <ol>
        {writes.map((write) => (
          <Queued key={write.number} write={write} onFinish={() => finish(write.number)} />
        ))}
        {next !== null && !done && <Queued key="next" write={next} onAdd={() => onEvents([...events, {finish: 0, write: request}])} />}
      </ol>
      <div class="row">
        {done && (
          <button type="button" class="primary" disabled={isBusy(session) || barred !== ''} onClick={() => void controller.writing.applyQueue([...events])}>
            Apply {writes.length === 1 ? 'this write' : 'all writes'}
          </button>
        )}
        <button type="button" onClick={() => onEvents([])}>
          Forget them
        </button>
        {done && <p class="muted">{barred === '' ? 'In memory, and checked again at once. Your file is not touched.' : barred}</p>}
        {next === null && !done && request.kind !== 'write' && <p class="muted">Only writes of data are in flight for long: zeroes and discards take effect at once.</p>}
      </div>
    </section>
  );
}

interface QueuedProps {
  write: QueuedWrite;
  onFinish?: () => void;
  /** It is not queued yet. */
  onAdd?: () => void;
}

function Queued({write, onFinish, onAdd}: QueuedProps) {
  const {number, state, waits, cuts, parts, offset, length} = write;
  const verb = onAdd === undefined ? '' : 'would be ';
  return (
    <li class={onAdd === undefined ? state : `${state} next`}>
      <p>
        <strong>Write {number}</strong> of {formatBytes(length)} at guest <span class="mono">{formatHex(offset)}</span>:{' '}
        <span class="w-state">
          {onAdd !== undefined && state === 'waits' ? 'would wait' : `${verb}${STATE_TEXTS[state] ?? state}`}
        </span>
      </p>
      <ul>
        {cuts.map((cut, i) => (
          <li key={i}>
            Shortened: <ImageText text={cut.words} />
          </li>
        ))}
        {waits.with > 0 && (
          <li>
            <ImageText text={waits.words} />
          </li>
        )}
        {parts
          .filter(({keeps}) => keeps > 0)
          .map((part, i) => (
            <li key={`k${i}`} class="muted">
              {capital(keptText(number, part))}.
            </li>
          ))}
      </ul>
      {onFinish !== undefined && state === 'flying' && (
        <button type="button" onClick={onFinish}>
          Finish write {number}
        </button>
      )}
      {onAdd !== undefined && (
        <button type="button" class="primary" onClick={onAdd}>
          Put write {number} in flight
        </button>
      )}
    </li>
  );
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
