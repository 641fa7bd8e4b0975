import {useEffect, useLayoutEffect, useMemo, useRef, useState} from 'preact/hooks';
import {PAGE_BYTES, pageStart} from '../../model/hexpages';
import type {HexPage} from '../../model/hexpages';
import {rowsInView, scrollAt, scrolled, settledTop, showing, trackOf} from '../../model/hexscroll';
import type {Scroll, Track} from '../../model/hexscroll';
import type {HexState} from './use-hex';

/** As in hex.css. */
export const ROW_HEIGHT = 26;

/** The box's scrolling, measured and kept true by hexscroll. A head of so many pixels stands above the rows. */
export function useScroll(rows: bigint, rowHeight = ROW_HEIGHT, head = rowHeight) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState(20 * rowHeight);
  const track = useMemo(() => trackOf(rows, rowHeight, view), [rows, rowHeight, view]);
  const [scroll, setScroll] = useState<Scroll>({row: 0n, px: 0, top: 0});
  const timer = useRef(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) {
      return;
    }
    const measure = () => setView(Math.max(head === 0 ? rowHeight : 4 * rowHeight, element.clientHeight - head));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [rowHeight, head]);
  const scrollTo = (next: Scroll) => {
    setScroll(next);
    if (box.current !== null) {
      box.current.scrollTop = next.top;
    }
  };
  const onScroll = () => {
    const top = box.current?.scrollTop ?? 0;
    if (Math.abs(top - scroll.top) < 1) {
      return;
    }
    const next = scrolled(track, scroll, top);
    setScroll(next);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const settled = settledTop(track, next);
      if (Math.abs(settled - top) >= 1) {
        scrollTo({...next, top: settled});
      }
    }, 200);
  };
  return {box, view, scroll, track, scrollTo, onScroll};
}

/** The cursor is brought into sight when it moves, and when the rows change. */
export function useCursorInSight(state: HexState, perRow: number, track: Track, scroll: Scroll, scrollTo: (next: Scroll) => void): void {
  const {cursor, jumps} = state.place;
  const before = useRef<Track | null>(null);
  useLayoutEffect(() => {
    const row = cursor / BigInt(perRow);
    const same = before.current === track;
    const from = same ? scroll : scrollAt(track, scroll.row, scroll.px);
    const next = showing(track, from, row);
    if (next !== scroll) {
      scrollTo(next);
    }
    before.current = track;
    // Not the scrolling itself: whoever scrolls away from the cursor is left there.
  }, [cursor, jumps, perRow, track]);
}

/** Asks for the pages in sight, and tells which are there. */
export function useWantedPages(state: HexState, perRow: number, track: Track, scroll: Scroll, onSeen: (pages: readonly HexPage[]) => void): void {
  const {pages, place} = state;
  const from = scroll.row * BigInt(perRow);
  const to = from + BigInt(perRow * (rowsInView(track) + 1));
  const end = to < pages.size ? to : pages.size;
  useEffect(() => pages.want(from, end, place.other), [pages, from, end, place.other]);
  const seen: HexPage[] = [];
  for (let at = pageStart(from); at < end; at += BigInt(PAGE_BYTES)) {
    const answer = pages.get(at, place.other);
    if (answer?.step === 'loaded') {
      seen.push(answer.page);
    }
  }
  const names = seen.map((page) => String(page.start)).join(' ');
  useEffect(() => onSeen(seen), [names, pages, place.other]);
}
