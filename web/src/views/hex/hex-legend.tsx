import type {HexPage} from '../../model/hexpages';
import {KIND_FACTS, kindClasses} from '../../model/hexkinds';
import {HexKinds} from '../../protocol/protocol.gen';

/** What the colours of the bytes that are seen stand for. */
export function HexLegend({pages, before}: {pages: readonly HexPage[]; before: boolean}) {
  const kinds = new Set(pages.flatMap((page) => page.fields.map((field) => field.kind)));
  const changed = pages.some((page) => page.twin?.some((byte, i) => byte !== page.bytes[i]) === true);
  const wrong = pages.some((page) => page.fields.some(({field}) => field.severity !== ''));
  return (
    <ul class="hex-legend" aria-label="Kinds of bytes in sight">
      {HexKinds.filter((kind) => kinds.has(kind)).map((kind) => (
        <li key={kind}>
          <span class={`hex-chip ${kindClasses(kind)}`} aria-hidden="true" />
          {KIND_FACTS[kind].label}
        </li>
      ))}
      {changed && (
        <li>
          <span class={`hex-chip changed${before ? ' before' : ''}`} aria-hidden="true" />
          {before ? 'Bytes that the plan replaces' : 'Bytes that the plan has written'}
        </li>
      )}
      {wrong && (
        <li>
          <span class="hex-chip wrong" aria-hidden="true" />
          Wrong
        </li>
      )}
    </ul>
  );
}
