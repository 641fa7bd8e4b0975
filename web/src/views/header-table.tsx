import {formatHex} from '../base/units';
import type {Info} from '../protocol/protocol.gen';
import {ScrollTable} from './scroll-table';
import {ImageText} from './text';

/** All fields of the header, for those who know the specification. */
export function HeaderTable({info}: {info: Info}) {
  return (
    <details class="card fold">
      <summary>
        <h3>Header fields</h3>
        <span class="muted">all {info.header.length}, as they are in the file</span>
      </summary>
      <ScrollTable label="Header fields" columns={['Offset', 'Field', 'Value', 'Meaning']}>
        {info.header.map((field) => (
          <tr key={`${field.offset} ${field.name}`}>
            <td class="mono">{formatHex(field.offset)}</td>
            <th scope="row" class="mono">
              <ImageText text={field.name} />
            </th>
            <td class="mono">
              <ImageText text={field.value} />
            </td>
            <td>
              <ImageText text={field.meaning} />
            </td>
          </tr>
        ))}
      </ScrollTable>
    </details>
  );
}
