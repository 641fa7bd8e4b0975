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
