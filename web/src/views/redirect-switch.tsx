import {useState} from 'preact/hooks';
import {formatBytes, plural} from '../base/units';
import {batchWords, costText} from '../model/redirect';
import {PAGE_SIZE} from '../protocol/ops';
import type {RedirectBatch, Redirected} from '../protocol/protocol.gen';
import {useController, useLoaded, useStore} from './app-context';
import {Fold} from './fold';
import {Pager} from './pager';
import {ProblemText} from './problem';
import {ScrollTable} from './scroll-table';
import {SeveritySign} from './signs';
import {ImageText} from './text';

interface RedirectSwitchProps {
  /** Whose plan it is, for its log. */
  of: 'repair' | 'lab' | 'write';
  on: boolean;
  /** What became of the plan; null while there is none. */
  redirected: Redirected | null;
  /** The core still has its log. */
  listed: boolean;
  fixed: boolean;
  onChange: (on: boolean) => void;
}

/** Whether a plan may overwrite what is live; what it costs when it may not, in which order it writes, and its log. */
export function RedirectSwitch({of, on, redirected, listed, fixed, onChange}: RedirectSwitchProps) {
  return (
    <div class={on ? 'redirect on' : 'redirect'}>
      <label class="redirect-choice">
        <input type="checkbox" role="switch" checked={on} disabled={fixed} onChange={(event) => onChange(event.currentTarget.checked)} />
        <span>Redirect: never overwrite what is live</span>
      </label>
      <p>
        Everything that changes is first written to free space, and one write of 512 bytes then switches over to it, so that a
        crash at any moment leaves the old image or the new one, never something between.{' '}
        <span class="muted">
          It costs some room. A saved copy does not need it: your file stays as it is. It is for mending a file where it lies,
          with <code>qcowscope apply --in-place</code>.
        </span>
      </p>
      {redirected !== null && on && <RedirectedPlan of={of} redirected={redirected} listed={listed} />}
    </div>
  );
}

type PlanProps = Pick<RedirectSwitchProps, 'of' | 'listed'> & {redirected: Redirected};

function RedirectedPlan({of, redirected, listed}: PlanProps) {
  const {cannot, unsafe, batches, records} = redirected;
  if (cannot !== '') {
    return (
      <p class="redirect-cannot" role="status">
        <SeveritySign severity="warning" /> <strong>This plan is not redirected:</strong> <ImageText text={cannot} />. What is
        shown is the plan as it was.
      </p>
    );
  }
  return (
    <>
      <p class="redirect-cost" role="status">
        <strong>{costText(redirected)}</strong>
      </p>
      {unsafe.length > 0 && (
        <div class="redirect-cannot">
          <p>
            <SeveritySign severity="warning" /> <strong>A part of it has no safe order:</strong>
          </p>
          <ul>
            {unsafe.map((why) => (
              <li key={why}>
                <ImageText text={why} />
              </li>
            ))}
          </ul>
        </div>
      )}
      {batches.length > 0 && <Batches batches={batches} />}
      {listed && records > 0 && <Log key={records} of={of} records={records} />}
    </>
  );
}

/** The batches from left to right. The thick line is the switch. */
function Batches({batches}: {batches: RedirectBatch[]}) {
  return (
    <ol class="batches" aria-label="Batches">
      {batches.map((batch, i) => {
        const {title, text, after} = batchWords(batches, i);
        return (
          <li key={i} class={`batch ${batch.kind}`}>
            <p>
              <strong>{title}</strong>
            </p>
            <p>
              {batch.writes > 0 && `${plural(batch.writes, 'write')}, `}
              {formatBytes(batch.bytes)} {text}
            </p>
            <p class="muted">{after}</p>
          </li>
        );
      })}
    </ol>
  );
}

/** What the transaction does, record by record. */
function Log({of, records}: {of: 'repair' | 'lab' | 'write'; records: number}) {
  return (
    <Fold class="redirect-log" summary={`The log: ${plural(records, 'record')}`}>
      <LogRecords of={of} records={records} />
    </Fold>
  );
}

function LogRecords({of, records}: {of: 'repair' | 'lab' | 'write'; records: number}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [from, setFrom] = useState(0);
  const loaded = useLoaded(`${epoch} ${of} ${records} ${from}`, () => controller.engine.call('redirectLog', {of, from, count: PAGE_SIZE}));
  return (
    <>
      <p class="muted">
        In order. Replayed on the file it makes the new image; cut off anywhere before its last record, it changes nothing.
      </p>
      <Pager of="records" from={from} size={PAGE_SIZE} total={records} onFrom={setFrom} />
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {loaded.step === 'loaded' && (
        <ScrollTable box="tall" label="Log" columns={['Record', 'Place', 'What']}>
          {loaded.value.records.map(({op, at, text}, i) => (
            <tr key={from + i} class={op}>
              <th scope="row">{op}</th>
              <td class="mono">{at}</td>
              <td>
                <ImageText text={text} />
              </td>
            </tr>
          ))}
        </ScrollTable>
      )}
    </>
  );
}
