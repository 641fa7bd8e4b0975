import {useEffect, useMemo, useReducer, useRef} from 'preact/hooks';
import {hexOf, smaller} from '../../model/hexgrid';
import {HexPages, PAGE_BYTES} from '../../model/hexpages';
import {jumped, walked} from '../../model/hexplace';
import type {HexPlace} from '../../model/hexplace';
import type {OpenSession} from '../../state/session';
import {currentInfo} from '../../state/session';
import {useController, useStore} from '../app-context';

/** What the parts of the hex view share. */
export interface HexState {
  /** Changes with the image and the plan: what was read with another key is out of date. */
  key: string;
  pages: HexPages;
  /** As it is shown: in the file, and on the other side only if there is one. */
  place: HexPlace;
  /** Moves the cursor, as the arrow keys do. */
  walk: (cursor: bigint) => void;
  /** Moves it so that one can come back. */
  jump: (cursor: bigint) => void;
}

/** The id of what keys go on from after a jump: the grid, or the list of fields. */
export const HEX_FOCUS = 'hex-focus';

/** Jumps from a control that may be gone then. */
export function jumpAway(state: HexState, offset: bigint): void {
  state.jump(offset);
  document.getElementById(HEX_FOCUS)?.focus({preventScroll: true});
}

/** The side that is shown is the one before a plan or the changes. */
export function showsBefore({pages, place}: HexState): boolean {
  return pages.plan !== '' && (pages.plan === 'applied') === place.other;
}

export function useHex(session: OpenSession): HexState {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const place = useStore(controller.hex);
  const {plan} = session;
  const planned = plan.step === 'planned' && !plan.plan.empty;
  const key = `${epoch} ${planned ? JSON.stringify(plan.request) : ''}`;
  const pages = usePages(key, currentInfo(session).fileSize);
  const inFile = (cursor: bigint) => smaller(cursor, pages.size > 0n ? pages.size - 1n : 0n);
  return {
    key,
    pages,
    place: {...place, cursor: inFile(place.cursor), other: place.other && pages.plan !== ''},
    walk: (cursor) => controller.hex.update((now) => walked(now, inFile(cursor))),
    jump: (cursor) => controller.hex.update((now) => jumped(now, inFile(cursor))),
  };
}

/** The pages of the image that the key names; the view is drawn again when one arrives. */
function usePages(key: string, fileSize: number): HexPages {
  const {engine} = useController();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const current = useRef<HexPages | null>(null);
  const pages = useMemo(() => {
    const read = (start: bigint, other: boolean) =>
      engine.call('hex', {offset: hexOf(start), length: PAGE_BYTES, other});
    const made: HexPages = new HexPages(fileSize, read, () => current.current === made && redraw(undefined));
    current.current = made;
    return made;
    // The key stands for what is behind the engine.
  }, [engine, key, fileSize]);
  useEffect(
    () => () => {
      current.current = null;
    },
    [],
  );
  return pages;
}
