import {formatBytes, formatCount, formatHex, plural} from '../../base/units';
import {answerOf, bitsOf, pieceText} from '../../model/writecells';
import type {Disk} from '../../model/writerange';
import type {WriteCluster, WriteEntry, WriteExtent, WritePlanReply} from '../../protocol/protocol.gen';
import {Fact, Facts} from '../facts';
import {ScrollTable} from '../scroll-table';
import {SeveritySign} from '../signs';
import {Hex, ImageText, WithHex} from '../text';

/** What a request does, in a sentence and a few numbers. */
export function WriteAnswer({plan}: {plan: WritePlanReply}) {
  const {totals, remarks, dangers} = plan;
  const {headline, factor} = answerOf(plan);
  const facts: [string, string][] = [
    ['The guest writes', formatBytes(totals.written)],
    ['Copied', formatBytes(totals.copied)],
    ['Filled with zeros', formatBytes(totals.zeroed)],
    ['New clusters for data', formatBytes(totals.allocated)],
    ['L2 entries', formatCount(totals.entries)],
    ['Refcounts', formatCount(totals.refcounts)],
  ];
  return (
    <div class="w-answer">
      <p class="w-headline">
        <strong>{headline}</strong>
        {factor !== null && (
          <span class="w-factor">
            {factor.toFixed(factor < 10 ? 2 : 1)} <span>bytes written for each byte of the guest</span>
          </span>
        )}
      </p>
      <Facts facts={facts} />
      {remarks.map((remark) => (
        <p key={remark} class="muted">
          {remark}
        </p>
      ))}
      {dangers.length > 0 && <Dangers dangers={dangers} />}
    </div>
  );
}

/** Everything that it does, step by step, and what it changes. */
export function WriteDetails({disk, plan}: {disk: Disk; plan: WritePlanReply}) {
  return (
    <div class="w-details">
      <Steps plan={plan} />
      <div class="w-tables">
        <Entries disk={disk} clusters={plan.clusters} />
        <Refcounts plan={plan} />
        <Extents plan={plan} />
        <Pieces plan={plan} />
      </div>
    </div>
  );
}

function Dangers({dangers}: {dangers: string[]}) {
  return (
    <ul class="w-dangers">
      {dangers.map((danger) => (
        <li key={danger}>
          <SeveritySign severity="danger" /> <ImageText text={danger} />
        </li>
      ))}
    </ul>
  );
}

function Steps({plan}: {plan: WritePlanReply}) {
  const {steps, totals} = plan;
  return (
    <section class="w-steps" aria-label="Steps">
      <h3>Steps, in their order</h3>
      {steps.length === 0 && <p class="muted">There are none.</p>}
      <ol>
        {steps.map(({text, barrier, data}, i) => (
          <li key={i} class={barrier === '' ? (data ? 'data' : 'record') : `barrier ${barrier}`}>
            <ImageText text={text} />
          </li>
        ))}
      </ol>
      <More shown={steps.length} all={totals.steps} what="steps" />
    </section>
  );
}

function More({shown, all, what}: {shown: number; all: number; what: string}) {
  return all > shown ? (
    <p class="muted">
      The first {formatCount(shown)} of {formatCount(all)} {what}.
    </p>
  ) : null;
}

/** The L2 entries that are shown, before and after. */
function Entries({disk, clusters}: {disk: Disk; clusters: readonly WriteCluster[]}) {
  const changed = clusters.filter(({entryBefore: b, entryAfter: a}) => b.word !== a.word || b.alloc !== a.alloc || b.zero !== a.zero);
  if (changed.length === 0) {
    return (
      <section aria-label="L2 entries">
        <h3>L2 entries</h3>
        <p class="muted">{clusters.length === 0 ? 'The range is not in the clusters that are shown.' : 'No entry changes.'}</p>
      </section>
    );
  }
  return (
    <section aria-label="L2 entries">
      <h3>{disk.extended ? 'L2 entry and bitmap' : 'L2 entries'}</h3>
      <ScrollTable class="w-entries" label="L2 entries before and after" columns={['Cluster', 'Before', 'After']}>
        {changed.map(({cluster, entryBefore, entryAfter}) => (
          <tr key={cluster}>
            <th scope="row">{formatCount(cluster)}</th>
            <td>
              <Entry entry={entryBefore} />
            </td>
            <td>
              <Entry entry={entryAfter} />
            </td>
          </tr>
        ))}
      </ScrollTable>
      {disk.extended && changed[0] !== undefined && <Bitmaps cluster={changed[0]} />}
    </section>
  );
}

function Entry({entry}: {entry: WriteEntry}) {
  const {word, kind, host, copied} = entry;
  return (
    <>
      <Hex text={`${word.slice(0, 8)} ${word.slice(8)}`} />
      <span class="w-decoded">
        {kind}
        <WithHex words=", host " text={host} />
        {copied ? ', COPIED' : ''}
      </span>
    </>
  );
}

function Bitmaps({cluster}: {cluster: WriteCluster}) {
  const {entryBefore: before, entryAfter: after} = cluster;
  return (
    <dl class="w-bitmaps">
      <Bitmap name="Allocated, before" from={before.alloc} to={before.alloc} />
      <Bitmap name="Allocated, after" from={before.alloc} to={after.alloc} />
      <Bitmap name="Zero, before" from={before.zero} to={before.zero} />
      <Bitmap name="Zero, after" from={before.zero} to={after.zero} />
    </dl>
  );
}

/** A bitmap from subcluster 0 on; bits that changed are marked. */
function Bitmap({name, from, to}: {name: string; from: string; to: string}) {
  return (
    <Fact name={name}>
      <span class="w-bits mono" aria-hidden="true">
        {bitsOf(from, to).map(({on, changed}, i) => (
          <span key={i} class={`${on ? 'on' : ''}${changed ? ' changed' : ''}`}>
            {on ? 1 : 0}
          </span>
        ))}
      </span>
      <Hex text={`0x${to}`} />
    </Fact>
  );
}

function Refcounts({plan}: {plan: WritePlanReply}) {
  const {counts, totals} = plan;
  return (
    <section aria-label="Refcounts">
      <h3>Refcounts</h3>
      {counts.length === 0 ? (
        <p class="muted">None changes.</p>
      ) : (
        <ScrollTable label="Refcounts before and after" columns={['Host cluster', 'Before', 'After']}>
          {counts.map(({cluster, before, after}) => (
            <tr key={cluster}>
              <th scope="row">{formatCount(cluster)}</th>
              <td>{before}</td>
              <td>{after}</td>
            </tr>
          ))}
        </ScrollTable>
      )}
      <More shown={counts.length} all={totals.refcounts} what="refcounts" />
    </section>
  );
}

const EXTENT_NAMES: Record<string, string> = {
  'in-place': 'Data, in place',
  data: 'Data, new',
  'l2-table': 'L2 table, new',
  refblock: 'Refblock, new',
  reftable: 'Reftable, new',
};

function Extents({plan}: {plan: WritePlanReply}) {
  const {extents, totals} = plan;
  return extents.length === 0 ? null : (
    <section aria-label="Places in the file">
      <h3>Places in the file</h3>
      <ScrollTable label="Host extents" columns={['What', 'Host offset', 'Size']}>
        {extents.map((extent, i) => (
          <tr key={i}>
            <th scope="row">{extentText(extent)}</th>
            <td>
              <Hex text={extent.host} />
            </td>
            <td>{formatBytes(extent.size)}</td>
          </tr>
        ))}
      </ScrollTable>
      <More shown={extents.length} all={totals.extents} what="extents" />
    </section>
  );
}

function extentText({what, length}: WriteExtent): string {
  const name = EXTENT_NAMES[what] ?? what;
  return length > 0 ? `${name} (${formatBytes(length)} of the guest)` : name;
}

function Pieces({plan}: {plan: WritePlanReply}) {
  const {pieces, totals} = plan;
  return pieces.length === 0 ? null : (
    <section aria-label="Copied and left alone">
      <h3>Copied, and left alone</h3>
      <ScrollTable label="Pieces around the write" columns={['Guest offset', 'Length', 'What']}>
        {pieces.map((piece, i) => (
          <tr key={i}>
            <th scope="row">
              <Hex text={formatHex(piece.guest)} />
            </th>
            <td>{formatBytes(piece.length)}</td>
            <td>{pieceText(piece)}</td>
          </tr>
        ))}
      </ScrollTable>
      {totals.pieces > pieces.length && <p class="muted">{plural(totals.pieces, 'piece')} in all.</p>}
    </section>
  );
}
