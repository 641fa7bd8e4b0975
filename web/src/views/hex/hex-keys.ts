import {movedCursor, moveOf, offsetOf} from '../../model/hexgrid';
import type {PageField} from '../../model/hexpages';
import type {HexState} from './use-hex';

/** Where a key leads to, if anywhere; and whether the grid keeps the Tab key from then on. */
interface KeyTarget {
  to: bigint | null;
  jump: boolean;
  inside: boolean;
}

interface KeyContext {
  perRow: number;
  pageRows: number;
  field: PageField | null;
  inside: boolean;
}

/** Where a key leads to: null when it is not one of the grid's. */
export function keyTarget(event: KeyboardEvent, state: HexState, context: KeyContext): KeyTarget | null {
  const {field, inside} = context;
  const {cursor} = state.place;
  if (event.altKey || event.metaKey) {
    return null;
  }
  if (event.key === 'Enter') {
    return {to: leadsTo(state, field), jump: true, inside: true};
  }
  if (event.key === 'Escape') {
    return inside ? {to: null, jump: false, inside: false} : null;
  }
  // Whoever only passes by with the Tab key is let through.
  if (event.key === 'Tab') {
    return inside && field !== null ? {to: neighbour(field, cursor, event.shiftKey, state.pages.size), jump: false, inside} : null;
  }
  const move = moveOf(event.key, event.ctrlKey);
  const shape = {size: state.pages.size, perRow: context.perRow, pageRows: context.pageRows};
  return move === null ? null : {to: movedCursor(cursor, move, shape), jump: false, inside: true};
}

/** The start of the next field, or of this one or the one before it. */
function neighbour(field: PageField, cursor: bigint, backwards: boolean, size: bigint): bigint {
  if (!backwards) {
    return field.end < size ? field.end : cursor;
  }
  return cursor > field.start ? field.start : field.start > 0n ? field.start - 1n : 0n;
}

/** Where the field points, if that is in the file. */
export function leadsTo(state: HexState, field: PageField | null): bigint | null {
  const to = field === null ? null : offsetOf(field.field.to);
  return to !== null && to < state.pages.size ? to : null;
}

/** Goes where the field points. */
export function follow(state: HexState, field: PageField | null): void {
  const to = leadsTo(state, field);
  if (to !== null) {
    state.jump(to);
  }
}
