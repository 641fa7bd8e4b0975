import {formatBytes, formatCount} from '../../base/units';
import {fallsOf} from '../../model/waterfall';
import type {Fall} from '../../model/waterfall';
import type {LayersSizes} from '../../protocol/protocol.gen';
import {useController, useLoaded} from '../app-context';
import {Swatch} from '../swatch';

/** Why the file is larger, or smaller, than its disk: step by step, in a table whose rows are the bars. */
export function Sizes() {
  const {engine} = useController();
  const sizes = useLoaded('sizes', () => engine.call('layersSizes', undefined));
  return sizes.step === 'loaded' ? <Waterfall sizes={sizes.value} /> : null;
}

function Waterfall({sizes}: {sizes: LayersSizes}) {
  const {upper, lower, zoom} = fallsOf(sizes);
  const larger = sizes.file > sizes.virtual;
  return (
    <div class="card">
      <h3>Why is this file {larger ? 'larger' : 'smaller'} than its disk?</h3>
      <p class="reason">{sizes.reason}</p>
      {!sizes.fits && <p>The header asks for a larger disk than any file could have. The steps begin with what can be.</p>}
      <table class="falls" role="table">
        <caption class="hidden">From the size of the disk to that of the file</caption>
        <thead class="hidden">
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="picture">
              Bar
            </th>
            <th scope="col">Bytes</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {upper.map((fall) => (
            <Row key={fall.key} fall={fall} />
          ))}
        </tbody>
        <tbody role="rowgroup">
          {zoom > 1 && (
            <tr class="zoom" role="row">
              <th scope="rowgroup" colSpan={3} role="rowheader">
                Drawn {formatCount(Math.round(zoom))} times as large from here on
              </th>
            </tr>
          )}
          {lower.map((fall) => (
            <Row key={fall.key} fall={fall} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({fall}: {fall: Fall}) {
  const {label, meaning, bytes, shape} = fall;
  const sign = {total: '', less: '\u2212\u202f', more: '+\u202f'}[shape];
  return (
    <tr class={shape} role="row">
      <th scope="row" role="rowheader">
        {label}
        {meaning !== '' && <span class="muted">{meaning}</span>}
      </th>
      <td class="picture" aria-hidden="true" role="cell">
        <Bar fall={fall} />
      </td>
      <td role="cell">
        {sign}
        {formatBytes(Math.abs(bytes))}
      </td>
    </tr>
  );
}

function Bar({fall: {from, to, shape, owner}}: {fall: Fall}) {
  const style = {insetInlineStart: `${100 * from}%`, width: `${100 * (to - from)}%`};
  return (
    <div class="fall">
      <div class={`fall-bar ${shape}`} style={style}>
        {shape !== 'less' && <Swatch owner={owner} />}
      </div>
    </div>
  );
}
