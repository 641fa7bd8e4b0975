import type {ComponentChildren} from 'preact';
import {useEffect, useId, useLayoutEffect, useRef} from 'preact/hooks';
import {formatCount} from '../base/units';
import {rowsInView, showing} from '../model/hexscroll';
import {useScroll} from './hex/use-scroll';

/** The list is no taller than so many rows. */
const MOST_ROWS = 9;

interface ListProps {
  label: string;
  rows: number;
  /** Pixels, of every row. */
  rowHeight: number;
  /** The row that the keys act on; -1 if there is none yet. */
  active: number;
  onActive: (row: number) => void;
  /** What stands in a row. */
  row: (row: number) => ComponentChildren;
  /** The rows that are in sight, the last one excluded. */
  onSeen: (from: number, to: number) => void;
  /** If rows can be ticked: whether one is. */
  checked?: (row: number) => boolean | undefined;
  onToggle?: (row: number) => void;
}

/** A list of any length, of which only the rows in sight are there. */
export function VirtualList({label, rows, rowHeight, active, onActive, row, onSeen, checked, onToggle}: ListProps) {
  const id = useId();
  const {box, view, scroll, track, scrollTo, onScroll} = useScroll(BigInt(rows), rowHeight, 0);
  const from = Number(scroll.row);
  const to = Math.min(rows, from + rowsInView(track) + (scroll.px > 0 ? 1 : 0));
  useEffect(() => onSeen(from, to), [from, to, rows, onSeen]);
  // Not the scrolling itself brings a row into sight: whoever scrolls away from it is left there.
  const now = useRef({scroll, scrollTo});
  now.current = {scroll, scrollTo};
  useLayoutEffect(() => {
    if (active >= 0) {
      const next = showing(track, now.current.scroll, BigInt(active));
      if (next !== now.current.scroll) {
        now.current.scrollTo(next);
      }
    }
  }, [active, track]);
  const onKeyDown = (event: KeyboardEvent) => {
    const next = rowByKey(event, active, rows, Math.max(1, Math.floor(view / rowHeight) - 1));
    if (next !== null) {
      event.preventDefault();
      onActive(next);
    } else if (event.key === ' ' && onToggle !== undefined && active >= 0) {
      event.preventDefault();
      onToggle(active);
    }
  };
  return (
    <div ref={box} class="rows-scroll" style={{height: `${Math.min(rows, MOST_ROWS) * rowHeight + 2}px`}} onScroll={onScroll}>
      <div class="rows-track" style={{height: `${track.height}px`}}>
        <div
          class="rows-window"
          role="listbox"
          tabIndex={0}
          aria-label={label}
          aria-multiselectable={onToggle === undefined ? undefined : 'true'}
          aria-activedescendant={active >= from && active < to ? `${id}-${active}` : undefined}
          style={{height: `${Math.min(view, track.height)}px`}}
          onKeyDown={onKeyDown}
        >
          <div role="presentation" style={{transform: `translateY(${-scroll.px}px)`}}>
            {Array.from({length: Math.max(0, to - from)}, (_, i) => from + i).map((index) => (
              <div
                key={index}
                id={`${id}-${index}`}
                class="row-item"
                role="option"
                aria-selected={index === active}
                aria-checked={checked?.(index)}
                aria-setsize={rows}
                aria-posinset={index + 1}
                style={{height: `${rowHeight}px`}}
                onClick={() => {
                  onActive(index);
                  onToggle?.(index);
                }}
              >
                <span class="row-number" aria-hidden="true">
                  {formatCount(index + 1)}
                </span>
                {row(index)}
              </div>
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function rowByKey({key, ctrlKey, altKey, metaKey}: KeyboardEvent, active: number, rows: number, page: number): number | null {
  if (ctrlKey || altKey || metaKey || rows === 0) {
    return null;
  }
  const steps: Record<string, number> = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows, End: rows};
  const step = steps[key];
  return step === undefined ? null : Math.min(rows - 1, Math.max(0, Math.max(active, -1) + step));
}
