import {byteText, hexOf, letterOf} from '../../model/hexgrid';
import {byteAt} from '../../model/hexpages';
import type {HexByte, PageAnswer, PageField} from '../../model/hexpages';
import {kindClasses} from '../../model/hexkinds';
import {rank, severityNamed} from '../../model/severity';
import type {Severity} from '../../model/severity';
import {SeveritySign} from '../signs';

interface RowProps {
  start: bigint;
  perRow: number;
  digits: number;
  index: bigint;
  answer: PageAnswer | undefined;
  cursor: bigint;
  /** Under the cursor. */
  field: PageField | null;
  size: bigint;
  /** This side is the one before the plan. */
  before: boolean;
}

interface Cell {
  offset: bigint;
  byte: HexByte | null;
  classes: string;
}

/** One row of bytes, in hex and as text. */
export function HexRow({start, perRow, digits, index, answer, cursor, field, size, before}: RowProps) {
  const page = answer?.step === 'loaded' ? answer.page : null;
  const cells = Array.from({length: perRow}, (_, i): Cell => {
    const offset = start + BigInt(i);
    const byte = page === null ? null : byteAt(page, offset);
    return {offset, byte, classes: classesOf(offset, byte, i === 0, i === perRow - 1, cursor, field, before)};
  }).filter(({offset}) => offset < size);
  const worst = worstOf(cells);
  return (
    <div class="hex-row" role="row" aria-rowindex={index < 1n << 31n ? Number(index) + 2 : undefined}>
      <Mark severity={worst} changed={cells.some(({byte}) => byte?.changed === true)} />
      <Offset start={start} digits={digits} />
      {cells.map(({offset, byte, classes}) => (
        <span
          key={String(offset)}
          id={`hex-${offset}`}
          class={`hex-byte ${classes}`}
          role="gridcell"
          data-at={hexOf(offset)}
          aria-selected={offset === cursor}
          aria-label={labelOf(offset, byte, page !== null)}
        >
          {byte === null ? (page === null ? '' : '\u2013\u2013') : byteText(byte.value)}
        </span>
      ))}
      <span class="hex-text" aria-hidden="true">
        {cells.map(({offset, byte, classes}) => (
          <span key={String(offset)} class={classes} data-at={hexOf(offset)}>
            {byte === null ? ' ' : letterOf(byte.value)}
          </span>
        ))}
      </span>
    </div>
  );
}

/** Beside the row: the shape of the worst that is wrong in it, and a sign if the plan changes it. */
function Mark({severity, changed}: {severity: Severity; changed: boolean}) {
  return (
    <span class="hex-mark" role="presentation">
      {severity !== 'none' ? <SeveritySign severity={severity} /> : changed ? '\u00b1' : ''}
    </span>
  );
}

function Offset({start, digits}: {start: bigint; digits: number}) {
  const text = start.toString(16).padStart(digits, '0');
  const zeros = /^0*(?=.)/.exec(text)?.[0].length ?? 0;
  return (
    <span class="hex-offset" role="rowheader" style={{width: `${digits}ch`}}>
      <span class="zeros">{text.slice(0, zeros)}</span>
      {text.slice(zeros)}
    </span>
  );
}

function classesOf(
  offset: bigint,
  byte: HexByte | null,
  first: boolean,
  last: boolean,
  cursor: bigint,
  current: PageField | null,
  before: boolean,
): string {
  const field = byte?.field ?? null;
  const names = [
    field !== null && kindClasses(field.kind),
    field !== null && (first || offset === field.start) && 'starts',
    field !== null && (last || offset + 1n === field.end) && 'ends',
    byte?.value === 0 && 'zero',
    field !== null && field.field.to !== '' && 'pointer',
    field !== null && field.field.severity !== '' && 'wrong',
    byte?.changed === true && (before ? 'changed before' : 'changed'),
    field !== null && field.start === current?.start && 'here',
    offset === cursor && 'cursor',
  ];
  return names.filter((name) => name !== false).join(' ');
}

function worstOf(cells: readonly Cell[]): Severity {
  let worst: Severity = 'none';
  for (const {byte} of cells) {
    const severity = severityNamed(byte?.field?.field.severity ?? '');
    worst = rank(severity) > rank(worst) ? severity : worst;
  }
  return worst;
}

/** What a screen reader says of a byte: where, what, and what it is a part of. */
function labelOf(offset: bigint, byte: HexByte | null, loaded: boolean): string {
  if (byte === null) {
    return `${hexOf(offset)}, ${loaded ? 'past the end of this side' : 'being read'}`;
  }
  const parts = [hexOf(offset), byteText(byte.value), byte.field?.field.name ?? ''];
  if (byte.field !== null && byte.field.field.severity !== '') {
    parts.push('wrong');
  }
  if (byte.changed) {
    parts.push('changed');
  }
  return parts.filter((part) => part !== '').join(', ');
}
