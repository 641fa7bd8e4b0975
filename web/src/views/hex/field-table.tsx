import {useState} from 'preact/hooks';
import {formatBytes} from '../../base/units';
import {hexOf, offsetOf} from '../../model/hexgrid';
import {KIND_FACTS} from '../../model/hexkinds';
import {byteAt, placed} from '../../model/hexpages';
import type {PageField} from '../../model/hexpages';
import {severityNamed} from '../../model/severity';
import {useController, useLoaded} from '../app-context';
import {TurnPages} from '../pager';
import {ProblemText} from '../problem';
import {ScrollTable} from '../scroll-table';
import {SeverityTag} from '../signs';
import {ImageText} from '../text';
import {HEX_FOCUS, jumpAway} from './use-hex';
import type {HexState} from './use-hex';

/** Fields that a page of the list shows, and how many bytes are asked for to find them. */
const SHOWN = 64;
const ASKED = 4096;

interface TableProps {
  state: HexState;
  /** The bytes at an offset are to be shown. */
  onShow: (offset: bigint) => void;
}

interface Pages {
  /** The cursor that they begin at. */
  from: bigint;
  starts: readonly bigint[];
}

/** The fields from the cursor on as a list: says all that the bytes' colours and marks say. */
export function FieldTable({state, onShow}: TableProps) {
  const {engine} = useController();
  const {cursor, other} = state.place;
  // Where the pages seen so far begin; the last is shown. A jump begins anew.
  const [{from, starts}, setPages] = useState<Pages>({from: cursor, starts: [fieldStart(state, cursor)]});
  const first = from === cursor ? (starts.at(-1) ?? cursor) : fieldStart(state, cursor);
  const turn = (next: readonly bigint[]) => setPages({from: cursor, starts: next});
  const past = from === cursor ? starts : [first];
  const loaded = useLoaded(`${state.key} ${first} ${other}`, () =>
    engine.call('hex', {offset: hexOf(first), length: ASKED, other}),
  );
  if (loaded.step !== 'loaded') {
    return loaded.step === 'failed' ? <ProblemText problem={loaded.problem} /> : <p class="muted">Reading the fields.</p>;
  }
  const fields = loaded.value.fields.slice(0, SHOWN).map(placed);
  const next = fields.at(-1)?.end ?? state.pages.size;
  return (
    <>
      {fields.length === 0 ? <p>This side of the plan ends before here.</p> : <Fields fields={fields} state={state} onShow={onShow} />}
      <TurnPages of="fields" starts={past} next={next < state.pages.size ? next : null} onStarts={turn} />
    </>
  );
}

/** Where the field at the cursor begins, if its page is there. */
function fieldStart({pages, place}: HexState, cursor: bigint): bigint {
  const answer = pages.get(cursor, place.other);
  return (answer?.step === 'loaded' ? byteAt(answer.page, cursor)?.field?.start : undefined) ?? cursor;
}

function Fields({fields, state, onShow}: {fields: readonly PageField[]; state: HexState; onShow: (offset: bigint) => void}) {
  return (
    <ScrollTable id={HEX_FOCUS} box="tall" class="fields" label="Fields" columns={['Offset', 'Length', 'Field', 'Value', 'Meaning', 'Points to']}>
      {fields.map((field) => (
        <FieldLine key={String(field.start)} field={field} state={state} onShow={onShow} />
      ))}
    </ScrollTable>
  );
}

function FieldLine({field: {field, kind, start}, state, onShow}: {field: PageField; state: HexState; onShow: (offset: bigint) => void}) {
  const to = offsetOf(field.to);
  return (
    <tr>
      <th scope="row">
        <button type="button" class="quiet mono" onClick={() => onShow(start)}>
          {field.offset}
        </button>
      </th>
      <td class="number">{formatBytes(field.length)}</td>
      <td>
        <span class="mono">{field.name}</span> <span class="muted">{KIND_FACTS[kind].label}</span>
        {field.severity !== '' && <SeverityTag severity={severityNamed(field.severity)} />}
      </td>
      <td class="mono value">{field.isText ? <>&ldquo;<ImageText text={field.value} />&rdquo;</> : field.value}</td>
      <td>
        <ImageText text={field.meaning} />
      </td>
      <td>
        {to !== null && to < state.pages.size && (
          <button type="button" class="quiet to" onClick={() => jumpAway(state, to)}>
            {field.toName} <span class="mono">{field.to}</span>
          </button>
        )}
      </td>
    </tr>
  );
}
