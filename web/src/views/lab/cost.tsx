import {asSentence} from '../../base/text';
import {formatBytes, formatCount, plural} from '../../base/units';
import type {LabBlocker, LabReply, LabStructure} from '../../protocol/protocol.gen';
import {Fact} from '../facts';
import {SeveritySign} from '../signs';
import {ImageText, Prose} from '../text';

/** What it takes and what it brings, before anything is applied. */
export function CostAndGain({reply}: {reply: LabReply}) {
  const {before, after, clusterSize} = reply;
  const rows: [string, string, string][] = [
    ['Structure', sizeText(before, clusterSize), sizeText(after, clusterSize)],
    ['Refblocks', formatCount(before.refblocks), formatCount(after.refblocks)],
    ['Reftable', plural(before.tableClusters, 'cluster'), plural(after.tableClusters, 'cluster')],
    ['File', formatBytes(reply.fileBefore), formatBytes(reply.fileAfter)],
  ];
  if (reply.kind === 'width') {
    rows.unshift(
      ['Refcounts', plural(before.bits, 'bit'), plural(after.bits, 'bit')],
      ['Greatest that fits', decimal(before.limit), decimal(after.limit)],
      ['One refblock counts', plural(before.perRefblock, 'cluster'), plural(after.perRefblock, 'cluster')],
    );
  }
  return (
    <div class="lab-cost">
      <div class="scroll">
        <table>
          <caption class="hidden">What it costs and gains</caption>
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden">What</span>
              </th>
              <th scope="col">Now</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([what, now, then]) => (
              <tr key={what} class={now === then ? 'same' : undefined}>
                <th scope="row">{what}</th>
                <td>{now}</td>
                <td>{then}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <dl>
        <Fact name="To be written">{formatBytes(reply.written)}</Fact>
        <Fact name="Steps">{formatCount(reply.steps)}</Fact>
        <Fact name="Greatest refcount in this image">
          {decimal(reply.greatest)} <span class="muted">first at cluster {formatCount(reply.greatestAt)}</span>
        </Fact>
      </dl>
    </div>
  );
}

function sizeText({refblocks, tableClusters}: LabStructure, clusterSize: number): string {
  return formatBytes((refblocks + tableClusters) * clusterSize);
}

/** A number that may be larger than those of JavaScript. */
function decimal(digits: string): string {
  return /^\d{1,20}$/.test(digits) ? BigInt(digits).toLocaleString('en') : digits;
}

/** Everything that forbids it, at once. */
export function Blocked({blockers}: {blockers: LabBlocker[]}) {
  return (
    <div class="lab-blocked">
      <h3>
        <SeveritySign severity="warning" /> This cannot be done to this image. Nothing was started.
      </h3>
      <ul>
        {blockers.map((blocker) => (
          <li key={blocker.what}>
            <p>
              <strong>
                <Prose text={sentence(blocker.why)} />
              </strong>{' '}
              {blocker.advice !== '' && <Prose text={sentence(blocker.advice)} />}
            </p>
            {blocker.places.length > 0 && (
              <details open={blocker.places.length <= 5}>
                <summary>{placesText(blocker)}</summary>
                <ul class="mono">
                  {blocker.places.map((place) => (
                    <li key={place}>
                      <ImageText text={place} />
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function placesText({count, places}: LabBlocker): string {
  return count > places.length ? `The first ${places.length} of ${plural(count, 'place')}` : plural(places.length, 'place');
}

function sentence(text: string): string {
  return `${asSentence(text)}.`;
}
