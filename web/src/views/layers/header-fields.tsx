import {ok} from '../../base/result';
import type {Result} from '../../base/result';
import type {Engine} from '../../engine/client';
import {headerRows} from '../../model/headerfields';
import type {HexField, Problem} from '../../protocol/protocol.gen';
import {useController, useLoaded} from '../app-context';
import {Fold} from '../fold';
import {showInHex} from '../hex/go';
import {ScrollTable} from '../scroll-table';
import {ImageText} from '../text';

const PAGE = 4096;
/** A longer list of extensions goes on in the hex view. */
const MOST = 4 * PAGE;

/** The header, its extensions and the names behind them, field by field. */
export function HeaderFields({clusterSize}: {clusterSize: number}) {
  return (
    <Fold
      class="card fold"
      summary={
        <>
          <h3>Header and extensions</h3>
          <span class="muted">every field, as it is in the file</span>
        </>
      }
    >
      <Fields clusterSize={clusterSize} />
    </Fold>
  );
}

/** The fields of the first bytes of the file. One that reaches over the end of a page is taken once. */
async function headerFields(engine: Engine, length: number): Promise<Result<HexField[], Problem>> {
  const fields = new Map<string, HexField>();
  for (let at = 0; at < length; at += PAGE) {
    const page = await engine.call('hex', {offset: `0x${at.toString(16)}`, length: Math.min(PAGE, length - at), other: false});
    if (!page.ok) {
      return page;
    }
    for (const field of page.value.fields) {
      fields.set(field.offset, field);
    }
  }
  return ok([...fields.values()]);
}

function Fields({clusterSize}: {clusterSize: number}) {
  const controller = useController();
  const fields = useLoaded('header', () => headerFields(controller.engine, Math.min(MOST, clusterSize)));
  if (fields.step !== 'loaded') {
    return null;
  }
  return (
    <ScrollTable class="header-fields" label="Header and extensions" columns={['Offset', 'Field', 'Value', 'Meaning']}>
      {headerRows(fields.value).map((field) => (
        <Row key={field.offset} field={field} onHex={(offset) => showInHex(controller, BigInt(offset))} />
      ))}
    </ScrollTable>
  );
}

function Row({field, onHex}: {field: HexField; onHex: (offset: string) => void}) {
  const {offset, name, value, isText, meaning, to, toName, length} = field;
  return (
    <tr>
      <td>
        <button type="button" class="quiet small mono" onClick={() => onHex(offset)}>
          <span class="hidden">Hex at </span>
          {offset}
        </button>
      </td>
      <th scope="row" class="mono">
        <ImageText text={name} />
      </th>
      <td class={isText ? '' : 'mono'}>{value === '' ? `${length} bytes` : <ImageText text={value} />}</td>
      <td>
        {meaning}
        {to !== '' && (
          <button type="button" class="quiet small" onClick={() => onHex(to)}>
            {toName === '' ? 'go there' : toName} at <span class="mono">{to}</span>
          </button>
        )}
      </td>
    </tr>
  );
}
