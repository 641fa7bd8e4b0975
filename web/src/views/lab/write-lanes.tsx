import {formatBytes, formatHex} from '../../base/units';
import type {Grid} from '../../model/writerange';
import type {QueuedPart, QueuedWrite} from '../../protocol/protocol.gen';
import {Row, SpanBar} from './write-cells';

/** One of several writes, over the cells that are shown. */
export function Lane({grid, write}: {grid: Grid; write: QueuedWrite}) {
  return (
    <Row name={`Write ${write.number}`} look="w-flight">
      {write.parts.map((part, i) => (
        <SpanBar key={`k${i}`} grid={grid} span={{offset: part.keepsFrom, length: part.keeps}} look="keeps" title={keptText(write.number, part)} />
      ))}
      {write.parts.map((part, i) => (
        <SpanBar
          key={i}
          grid={grid}
          span={{offset: part.guest, length: part.length}}
          look={part.state}
          text={PART_TEXTS[part.state]}
          letter={PART_LETTERS[part.state]}
          title={`${formatHex(part.guest)}, ${formatBytes(part.length)}: ${PART_TEXTS[part.state] ?? ''}`}
        />
      ))}
    </Row>
  );
}

const PART_TEXTS: Record<string, string> = {flying: 'in flight', waits: 'waits', written: 'written'};
const PART_LETTERS: Record<string, string> = {flying: '\u2192', waits: '\u2016', written: '\u2713'};

export function keptText(number: number, {keepsFrom, keeps, inPlace}: QueuedPart): string {
  const what = inPlace ? 'the bytes that it writes and copies in place' : 'whole clusters, which it allocates';
  return `write ${number} keeps ${formatHex(keepsFrom)} to ${formatHex(keepsFrom + keeps)}: ${what}`;
}
