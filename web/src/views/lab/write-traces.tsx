import {useState} from 'preact/hooks';
import {formatBytes, formatCount, plural} from '../../base/units';
import type {WriteSetup, WriteTraceReply, WriteTraceRequest} from '../../protocol/protocol.gen';
import type {OpenSession} from '../../state/session';
import {useController, useLoaded, useStore} from '../app-context';
import {Fold} from '../fold';
import {ProblemText} from '../problem';
import {ScrollTable} from '../scroll-table';
import {ChooseTrace, NO_TRACE, TraceBox} from './trace-text';
import {Working} from './working';

const INITIALS = [
  ['empty', 'Empty: nothing is allocated'],
  ['backed', 'Empty, over a backing file'],
  ['allocated', 'All of it is allocated'],
  ['shared', 'All of it is allocated, just after a snapshot'],
] as const;

/** Should I turn extended L2 on, and with which cluster size? */
export function WriteTraces({session}: {session: OpenSession}) {
  return (
    <Fold class="w-part" summary="Amplification: which cluster size, and are subclusters worth it?">
      <Traces session={session} />
    </Fold>
  );
}

/** A trace that was asked about, and the how many-th it was: it is long, and nothing to be compared. */
interface Asked {
  request: WriteTraceRequest;
  turn: number;
}

function Traces({session}: {session: OpenSession}) {
  const controller = useController();
  const {request} = useStore(controller.writing.picked);
  const [trace, setTrace] = useState(NO_TRACE);
  const [initial, setInitial] = useState('empty');
  const [asked, setAsked] = useState<Asked | null>(null);
  const take = () => {
    const applied = session.changes.flatMap(({change}) => (change.kind === 'write' ? change.requests : []));
    const writes = [...applied, ...(request === null ? [] : [request])].filter(({kind}) => kind === 'write');
    setTrace({name: '', text: writes.map(({offset, length}) => `${offset} ${length}\n`).join('')});
  };
  return (
    <div class="w-traces">
      <p>
        Give the writes of a real guest: lines of an offset and a length, a log of fio (write_iolog), or what blkparse prints.
        It is computed what they cost with every cluster size.
      </p>
      <TraceBox trace={trace} onTrace={setTrace} />
      <div class="row">
        <label class="choice">
          The image is at first
          <select value={initial} onChange={(event) => setInitial(event.currentTarget.value)}>
            {INITIALS.map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="primary" disabled={!/\S/.test(trace.text)} onClick={() => setAsked((last) => ({request: {text: trace.text, initial}, turn: (last?.turn ?? 0) + 1}))}>
          Compare
        </button>
        <button type="button" onClick={take}>
          Take the simulated writes
        </button>
        <ChooseTrace onTrace={setTrace} />
      </div>
      {asked !== null && (asked.request.text !== trace.text || asked.request.initial !== initial) && (
        <p role="status">
          <strong>What follows is of the trace as it was.</strong> Compare again to see what holds now.
        </p>
      )}
      {asked !== null && <Compared asked={asked} onStop={() => setAsked(null)} />}
    </div>
  );
}

function Compared({asked: {request, turn}, onStop}: {asked: Asked; onStop: () => void}) {
  const controller = useController();
  const loaded = useLoaded(String(turn), () => controller.engine.call('writeTrace', request));
  switch (loaded.step) {
    case 'loading':
      return <Working text="Comparing." onStop={onStop} />;
    case 'failed':
      return <ProblemText problem={loaded.problem} />;
    case 'loaded':
      return loaded.value.trouble === '' ? <Comparison reply={loaded.value} /> : <p role="alert" class="w-wrong">{loaded.value.trouble}</p>;
  }
}

function Comparison({reply}: {reply: WriteTraceReply}) {
  const {setups, advice, writes, written, format, other} = reply;
  const plain = setups.filter(({extended}) => !extended);
  const most = Math.max(...setups.map(({factor}) => factor));
  return (
    <div class="w-compared">
      <p class="w-advice">{advice}</p>
      <p class="muted">
        {plural(writes, 'write')}, {formatBytes(written)} ({format}
        {other > 0 ? `; ${plural(other, 'other line')}` : ''}). The bars show how many bytes are written for each byte of the guest.
      </p>
      <ScrollTable label="Cluster sizes compared" columns={['Cluster size', 'Without subclusters', 'With subclusters']}>
        {plain.map((setup) => (
          <tr key={setup.cluster}>
            <th scope="row">{formatBytes(setup.cluster)}</th>
            <Factor setup={setup} most={most} />
            <Factor setup={setups.find(({cluster, extended}) => extended && cluster === setup.cluster)} most={most} />
          </tr>
        ))}
      </ScrollTable>
      <Numbers setups={setups} />
    </div>
  );
}

function Factor({setup, most}: {setup: WriteSetup | undefined; most: number}) {
  if (setup === undefined) {
    return <td class="muted">not possible</td>;
  }
  return (
    <td class={setup.advised ? 'advised' : undefined}>
      <span class="w-measure">
        <span style={{width: `${(100 * setup.factor) / most}%`}} />
      </span>
      {factorText(setup.factor)}
      {setup.advised && <strong> advised</strong>}
    </td>
  );
}

function factorText(factor: number): string {
  return factor >= 100 ? formatCount(Math.round(factor)) : factor.toFixed(2);
}

function Numbers({setups}: {setups: readonly WriteSetup[]}) {
  return (
    <details>
      <summary>All numbers</summary>
      <ScrollTable
        label="All numbers"
        columns={['Cluster size', 'Subclusters', 'Copied', 'Filled with zeros', 'Metadata', 'Tables', 'Allocated', 'Factor']}
      >
        {setups.map((setup) => (
          <tr key={`${setup.cluster} ${setup.extended}`}>
            <th scope="row">{formatBytes(setup.cluster)}</th>
            <td>{setup.extended ? formatBytes(setup.cluster / 32) : 'none'}</td>
            {[setup.copied, setup.zeroed, setup.metadata, setup.structures, setup.allocated].map((bytes, i) => (
              <td key={i}>{formatBytes(bytes)}</td>
            ))}
            <td>{factorText(setup.factor)}</td>
          </tr>
        ))}
      </ScrollTable>
    </details>
  );
}
