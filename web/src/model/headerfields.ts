import type {HexField} from '../protocol/protocol.gen';

/** What belongs to the header: fields and texts, without the padding and what is not used. */
const KINDS: ReadonlySet<string> = new Set(['header', 'extension', 'backing-name']);

/** The header's fields in the order of the file. */
export function headerRows(fields: readonly HexField[]): HexField[] {
  return fields.filter(({kind}) => KINDS.has(kind));
}
