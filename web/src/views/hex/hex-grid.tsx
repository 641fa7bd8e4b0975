import type {RefObject} from 'preact';
import {useRef, useState} from 'preact/hooks';
import {offsetDigits, rowCount} from '../../model/hexgrid';
import type {HexPage, PageField} from '../../model/hexpages';
import {rowsInView} from '../../model/hexscroll';
import type {Scroll, Track} from '../../model/hexscroll';
import {byteUnder, HereLine} from './here-line';
import {follow, keyTarget} from './hex-keys';
import {HexRow} from './hex-row';
import {HEX_FOCUS, showsBefore} from './use-hex';
import type {HexState} from './use-hex';
import {ROW_HEIGHT, useCursorInSight, useScroll, useWantedPages} from './use-scroll';

interface GridProps {
  state: HexState;
  perRow: number;
  /** Under the cursor. */
  field: PageField | null;
  onSeen: (pages: readonly HexPage[]) => void;
}

/** The bytes of the whole file as a grid, of which only the rows in sight are there. */
export function HexGrid(props: GridProps) {
  const {state, perRow, field, onSeen} = props;
  const {pages} = state;
  const {cursor} = state.place;
  const grid = useRef<HTMLDivElement>(null);
  const {box, view, scroll, track, scrollTo, onScroll} = useScroll(rowCount(pages.size, perRow));
  useCursorInSight(state, perRow, track, scroll, scrollTo);
  useWantedPages(state, perRow, track, scroll, onSeen);
  const rows = rowOffsets(track, scroll, perRow);
  const {inside, ...input} = useGridInput(grid, props, view);
  const digits = offsetDigits(pages.size);
  const active = rows.some((row) => cursor >= row && cursor < row + BigInt(perRow));
  return (
    <>
      <div ref={box} class="hex-scroll" onScroll={onScroll}>
        <div class="hex-track" style={{height: `${track.height + ROW_HEIGHT}px`}}>
          <div
            ref={grid}
            class="hex-window"
            role="grid"
            id={HEX_FOCUS}
            tabIndex={0}
            aria-label="Bytes of the file"
            aria-describedby="hex-keys"
            aria-rowcount={track.rows < 1n << 31n ? Number(track.rows) + 1 : -1}
            aria-colcount={perRow + 1}
            aria-activedescendant={active ? `hex-${cursor}` : undefined}
            style={{height: `${view + ROW_HEIGHT}px`}}
            {...input}
            onDblClick={() => follow(state, field)}
          >
            <HeadRow perRow={perRow} digits={digits} />
            <div class="hex-rows" role="rowgroup">
              <div role="presentation" style={{transform: `translateY(${-scroll.px}px)`}}>
                <Rows starts={rows} {...props} />
              </div>
            </div>
          </div>
        </div>
      </div>
      <div class="hex-foot">
        <HereLine state={state} field={field} grid={grid} />
        <KeyHints inside={inside} />
      </div>
    </>
  );
}

/** What keys and clicks do in the grid; inside tells that Tab goes from field to field. */
function useGridInput(grid: RefObject<HTMLDivElement | null>, {state, perRow, field}: GridProps, view: number) {
  const [inside, setInside] = useState(false);
  const onKeyDown = (event: KeyboardEvent) => {
    const next = keyTarget(event, state, {perRow, pageRows: Math.floor(view / ROW_HEIGHT), field, inside});
    if (next === null) {
      return;
    }
    event.preventDefault();
    setInside(next.inside);
    if (next.to !== null) {
      (next.jump ? state.jump : state.walk)(next.to);
    }
  };
  const onClick = (event: MouseEvent) => {
    const at = byteUnder(event);
    if (at !== null) {
      grid.current?.focus({preventScroll: true});
      setInside(true);
      state.walk(at);
    }
  };
  return {inside, onKeyDown, onClick, onBlur: () => setInside(false)};
}

/** The rows that begin at these offsets. */
function Rows({starts, state, perRow, field}: GridProps & {starts: readonly bigint[]}) {
  const {pages, place} = state;
  return starts.map((start) => (
    <HexRow
      key={String(start)}
      start={start}
      perRow={perRow}
      digits={offsetDigits(pages.size)}
      index={start / BigInt(perRow)}
      answer={pages.get(start, place.other)}
      cursor={place.cursor}
      field={field}
      size={pages.size}
      before={showsBefore(state)}
    />
  ));
}

function KeyHints({inside}: {inside: boolean}) {
  return (
    <p id="hex-keys" class="hex-keys muted">
      {inside ? (
        <>
          <kbd>Enter</kbd> follows a pointer, <kbd>[</kbd> and <kbd>]</kbd> go back and forward, <kbd>Tab</kbd> goes from
          field to field, <kbd>Esc</kbd> leaves.
        </>
      ) : (
        <>Arrow keys move by byte, Page Up and Page Down by screen. Enter or a double click follows a pointer.</>
      )}
    </p>
  );
}

function HeadRow({perRow, digits}: {perRow: number; digits: number}) {
  return (
    <div class="hex-head" role="row" aria-rowindex={1}>
      <span class="hex-mark" role="presentation" />
      <span class="hex-offset" role="columnheader" style={{width: `${digits}ch`}}>
        Offset
      </span>
      {Array.from({length: perRow}, (_, i) => (
        <span key={i} class="hex-byte" role="columnheader">
          {i.toString(16).toUpperCase()}
        </span>
      ))}
    </div>
  );
}

/** The offsets at which the rows in sight begin. */
function rowOffsets(track: Track, scroll: Scroll, perRow: number): bigint[] {
  const count = rowsInView(track) + (scroll.px > 0 ? 1 : 0);
  return Array.from({length: count}, (_, i) => scroll.row + BigInt(i))
    .filter((row) => row < track.rows)
    .map((row) => row * BigInt(perRow));
}
