import type {HexField, HexFieldReply, HexReply} from '../src/protocol/protocol.gen';

/** The Hex part of the stand-in for the core. */

const fileSize = 40 * 65536;

/** A field of four bytes at an offset that is a multiple of four: the first points to the second half of the file. */
function hexField(at: number): HexField {
  const offset = `0x${at.toString(16)}`;
  const to = at === 0 ? '0x140000' : '';
  return {
    offset,
    length: 4,
    kind: 'header',
    name: `field at ${offset}`,
    value: '1',
    isText: false,
    meaning: `meaning at ${offset}`,
    to,
    toName: to === '' ? '' : 'refcount table',
    severity: '',
  };
}

function hexPage({offset, length}: {offset: string; length: number}): HexReply {
  const first = Number(offset);
  const bytes = Array.from({length: Math.max(0, Math.min(length, fileSize - first))}, (_, i) => (first + i) % 251);
  return {
    size: `0x${fileSize.toString(16)}`,
    plan: '',
    bytes: bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    twin: '',
    fields: Array.from({length: bytes.length / 4}, (_, i) => hexField(first + 4 * i)),
  };
}

function hexDetail(offset: string): HexFieldReply {
  const at = Number(offset) - (Number(offset) % 4);
  return {
    found: at < fileSize,
    field: hexField(at),
    toLength: '0x10000',
    structure: 'header',
    guest: '',
    guestLength: '',
    cluster: Math.floor(at / 65536),
    bits: [],
    from: [],
    moreFrom: false,
    findings: [],
    bytes: '00000001',
    twin: '',
    reasons: [],
  };
}

export const hexReplies = {
  hex: hexPage,
  hexField: ({offset}: {offset: string}) => hexDetail(offset),
  hexFind: () => ({found: true, offset: '0x140000', stopped: ''}),
  hexChange: () => ({count: 0, more: false, index: 0, offset: '', length: ''}),
};
