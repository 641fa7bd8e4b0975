import {formatCount} from '../base/units';

interface PagerProps {
  /** What is paged through, for the buttons' names. */
  of: string;
  from: number;
  size: number;
  total: number;
  onFrom: (from: number) => void;
}

/** Goes through a long list by pages; nothing if there is only one. */
export function Pager({of, from, size, total, onFrom}: PagerProps) {
  if (total <= size) {
    return null;
  }
  const to = Math.min(total, from + size);
  return (
    <div class="pager" role="group" aria-label={`Pages of ${of}`}>
      <button type="button" disabled={from === 0} onClick={() => onFrom(Math.max(0, from - size))}>
        Previous<span class="hidden"> {of}</span>
      </button>
      <span>
        {formatCount(from + 1)}&#8239;&ndash;&#8239;{formatCount(to)} of {formatCount(total)}
      </span>
      <button type="button" disabled={to >= total} onClick={() => onFrom(from + size)}>
        Next<span class="hidden"> {of}</span>
      </button>
    </div>
  );
}

interface TurnPagesProps<Start> {
  /** What is paged through, for the buttons' names. */
  of: string;
  /** Where the pages seen so far begin; the last is shown. */
  starts: readonly Start[];
  /** Where the next page begins; null if there is none. */
  next: Start | null;
  onStarts: (starts: readonly Start[]) => void;
}

/** How many pages there are is not known before all is read, so there is only forth and back. */
export function TurnPages<Start>({of, starts, next, onStarts}: TurnPagesProps<Start>) {
  return (
    <div class="pager" role="group" aria-label={`Pages of ${of}`}>
      <button type="button" disabled={starts.length === 1} onClick={() => onStarts(starts.slice(0, -1))}>
        Previous<span class="hidden"> {of}</span>
      </button>
      <button type="button" disabled={next === null} onClick={() => next !== null && onStarts([...starts, next])}>
        Next<span class="hidden"> {of}</span>
      </button>
    </div>
  );
}
