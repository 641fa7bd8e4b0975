import {formatBytes, formatDecimalBytes} from '../base/units';
import type {EffectRange, EffectReply, PlanRequest} from '../protocol/protocol.gen';
import {useController, useLoaded, useStore} from './app-context';
import {ProblemText} from './problem';
import {ScrollTable} from './scroll-table';
import {SeveritySign} from './signs';

/** What the plan does to the disk that the guest sees: compared cluster by cluster, before anything is applied. */
export function Effect({request}: {request: PlanRequest}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const loaded = useLoaded(`${epoch} ${JSON.stringify(request)}`, () => controller.engine.call('effect', undefined));
  return (
    <div class="effect" aria-live="polite">
      <h3>What the guest reads</h3>
      {loaded.step === 'loading' && <p class="muted">Comparing the disk before and after.</p>}
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {loaded.step === 'loaded' && <Compared effect={loaded.value} />}
    </div>
  );
}

function Compared({effect}: {effect: EffectReply}) {
  const resized = effect.sizeBefore !== effect.sizeAfter;
  return (
    <>
      {resized && (
        <p>
          The disk goes from {formatDecimalBytes(effect.sizeBefore)} to {formatDecimalBytes(effect.sizeAfter)}.
        </p>
      )}
      {effect.bytes === 0 ? (
        <p>
          <SeveritySign severity="none" /> <strong>The same as before, byte for byte.</strong> No part of the current disk reads
          otherwise after this plan{resized && ', as far as both sizes reach'}.
        </p>
      ) : (
        <Ranges effect={effect} />
      )}
    </>
  );
}

function Ranges({effect}: {effect: EffectReply}) {
  return (
    <>
      <p>
        {effect.regained === effect.bytes ? (
          <>
            <SeveritySign severity="none" /> <strong>{formatBytes(effect.bytes)} of the disk that cannot be read now can be read again.</strong>{' '}
            The rest reads the same, byte for byte.
          </>
        ) : (
          <>
            <SeveritySign severity="warning" /> <strong>{formatBytes(effect.bytes)} of the disk read otherwise after this plan.</strong>
            {effect.regained > 0 && ` Of these ${formatBytes(effect.regained)} cannot be read now.`}
          </>
        )}
        {effect.unknown > 0 && ` Of these ${formatBytes(effect.unknown)} could not be compared; they may be the same.`}
      </p>
      <ScrollTable label="Parts of the disk that read otherwise" columns={['On the disk', 'Length', 'Reads now', 'Reads after']}>
        {effect.ranges.map((range) => (
          <tr key={range.guest}>
            <td class="mono">{range.guest}</td>
            <td>{formatBytes(range.length)}</td>
            <td>{READS[range.before] ?? range.before}</td>
            <td>{afterText(range)}</td>
          </tr>
        ))}
      </ScrollTable>
      {effect.more && <p class="muted">The first {effect.ranges.length} of them.</p>}
    </>
  );
}

const READS: Record<string, string | undefined> = {data: 'data', zeros: 'zeros', parent: 'from the backing file', error: 'an error'};

function afterText({before, after, unknown}: EffectRange): string {
  const reads = READS[after] ?? after;
  return unknown ? `${reads}, not compared` : before === 'data' && after === 'data' ? 'other data' : reads;
}
