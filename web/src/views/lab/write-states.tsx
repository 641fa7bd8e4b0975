import {useState} from 'preact/hooks';
import {asSentence} from '../../base/text';
import {formatCount, formatHex, plural} from '../../base/units';
import {STATE_FACTS} from '../../model/map/states';
import {stateNamed} from '../../model/writecells';
import {CELLS} from '../../model/writerange';
import type {WriteState, WriteStatesReply} from '../../protocol/protocol.gen';
import {currentInfo} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {useController, useLoaded, useStore} from '../app-context';
import {Fold} from '../fold';
import {ProblemText} from '../problem';
import {ScrollTable} from '../scroll-table';
import {SeveritySign} from '../signs';
import {writeHere} from './write-here';

/** What host offset, zero bit and allocation bit say together, and how often the image has each. */
export function WriteStates({session}: {session: OpenSession}) {
  const {extendedL2} = currentInfo(session);
  return (
    <Fold class="w-part" summary={extendedL2 ? 'The eight states of a subcluster' : 'The four states of a cluster'}>
      <Loaded session={session} />
    </Fold>
  );
}

function Loaded({session}: {session: OpenSession}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [count, setCount] = useState(false);
  const loaded = useLoaded(`${epoch} ${count}`, () => controller.engine.call('writeStates', {count}));
  switch (loaded.step) {
    case 'loading':
      return <p role="status">{count ? 'Counting.' : 'Looking them up.'}</p>;
    case 'failed':
      return <ProblemText problem={loaded.problem} />;
    case 'loaded':
      return <StateTable session={session} reply={loaded.value} onCount={() => setCount(true)} />;
  }
}

interface StateTableProps {
  session: OpenSession;
  reply: WriteStatesReply;
  onCount: () => void;
}

function StateTable({session, reply, onCount}: StateTableProps) {
  const {states, counted, tables} = reply;
  return (
    <div class="w-states">
      <p>
        {states.length === 8
          ? 'An extended L2 entry names one host cluster and has two bits for each of the 32 subclusters. Together they have eight combinations; three are invalid, and one invalid subcluster makes all 32 unreadable.'
          : 'Without extended L2 entries the whole cluster has one state. Compressed clusters are apart from these.'}
      </p>
      <ScrollTable label="States" columns={['Host', 'Zero', 'Alloc', 'State', 'The guest reads', 'In this image']}>
        {states.map((state) => (
          <StateRow key={`${state.host}${state.zero}${state.alloc}`} session={session} state={state} counted={counted} />
        ))}
      </ScrollTable>
      {!counted && (
        <div class="row">
          <button type="button" onClick={onCount}>
            Count them in this image
          </button>
          <p class="muted">{plural(tables, 'L2 table')} must be read for it.</p>
        </div>
      )}
    </div>
  );
}

function StateRow({session, state, counted}: {session: OpenSession; state: WriteState; counted: boolean}) {
  const {host, zero, alloc, valid, name, reads, meaning, repair, code} = state;
  const kind = stateNamed(state.kind);
  return (
    <tr class={valid ? undefined : 'invalid'}>
      {[host, zero, alloc].map((set, i) => (
        <td key={i} class="w-set">
          {set ? 'set' : '\u2013'}
        </td>
      ))}
      <th scope="row">
        <span class={`w-cell ${kind}`} aria-hidden="true">
          {STATE_FACTS[kind].letter === 'A' ? '' : STATE_FACTS[kind].letter}
        </span>{' '}
        <strong>{asSentence(name)}</strong>
        <span class="w-meaning">
          {meaning}
          {repair !== '' && (
            <span class="w-repair">
              <SeveritySign severity="damage" /> Repair: {repair} <span class="mono">({code})</span>
            </span>
          )}
        </span>
      </th>
      <td>{asSentence(reads)}</td>
      <td>
        <CountOf session={session} state={state} counted={counted} />
      </td>
    </tr>
  );
}

function CountOf({session, state, counted}: {session: OpenSession; state: WriteState; counted: boolean}) {
  const controller = useController();
  if (!counted) {
    return <span class="muted">not counted</span>;
  }
  if (state.count === 0) {
    return <span class="muted">none</span>;
  }
  const {clusterSize, extendedL2} = currentInfo(session);
  const cell = extendedL2 ? clusterSize / CELLS : clusterSize;
  return (
    <>
      {formatCount(state.count)}
      <button type="button" class="quiet" onClick={() => writeHere(controller, {offset: state.example, length: cell / 2}, clusterSize)}>
        First at {formatHex(state.example)}
      </button>
    </>
  );
}
