import type {ComponentChildren} from 'preact';
import {useRef} from 'preact/hooks';
import {formatHex} from '../../base/units';
import {cellAt, dragged, keyedSpan, offsetAt, withEdge, barOf, grainOf} from '../../model/writerange';
import type {Edge, Grid, Span} from '../../model/writerange';

/** How far the pointer must go for it to be more than a click, in pixels. */
const SLACK = 4;

interface PickerProps {
  grid: Grid;
  span: Span;
  onSpan: (span: Span, moved: Edge) => void;
  /** Its edges can be taken. Small pictures do without. */
  handles: boolean;
  children: ComponentChildren;
}

/** What a pointer that is down does. */
interface Drag {
  x: number;
  from: number;
  edge: Edge | null;
  moved: boolean;
}

/** A row of cells in which a range can be dragged, or moved by its edges. */
export function Picker({grid, span, onSpan, handles, children}: PickerProps) {
  const field = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | null>(null);
  const at = (event: PointerEvent) => {
    const box = field.current?.getBoundingClientRect();
    return box === undefined || box.width === 0 ? grid.start : offsetAt(grid, (event.clientX - box.left) / box.width);
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || grid.cells === 0) {
      return;
    }
    const edge = edgeOf(event.target);
    field.current?.setPointerCapture(event.pointerId);
    drag.current = {x: event.clientX, from: at(event), edge, moved: false};
  };
  const onPointerMove = (event: PointerEvent) => {
    const now = drag.current;
    if (now === null || (!now.moved && Math.abs(event.clientX - now.x) < SLACK)) {
      return;
    }
    now.moved = true;
    const to = at(event);
    if (now.edge === null) {
      onSpan(dragged(grid, now.from, to), to < now.from ? 'start' : 'end');
    } else {
      onSpan(withEdge(span, now.edge, now.edge === 'end' ? to + grainOf(grid) : to, grid), now.edge);
    }
  };
  const onPointerUp = () => {
    if (drag.current?.moved === false && drag.current.edge === null) {
      onSpan(cellAt(grid, drag.current.from), 'start');
    }
    drag.current = null;
  };
  return (
    <div
      ref={field}
      class="w-picker"
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={() => (drag.current = null)}
    >
      {children}
      <SpanFrame grid={grid} span={span} />
      {handles && <Handles grid={grid} span={span} onSpan={onSpan} />}
    </div>
  );
}

function edgeOf(target: EventTarget | null): Edge | null {
  const edge = target instanceof Element ? target.closest<HTMLElement>('[data-edge]')?.dataset['edge'] : undefined;
  return edge === 'start' || edge === 'end' ? edge : null;
}

function SpanFrame({grid, span}: {grid: Grid; span: Span}) {
  const bar = barOf(grid, span);
  return bar === null ? null : (
    <span
      class={`w-frame${bar.before ? ' before' : ''}${bar.after ? ' after' : ''}`}
      style={{left: `${bar.left}%`, width: `${bar.width}%`}}
      aria-hidden="true"
    />
  );
}

/** The two edges of the range. */
function Handles({grid, span, onSpan}: {grid: Grid; span: Span; onSpan: (span: Span, moved: Edge) => void}) {
  const bytes = grid.cell * 32;
  const share = (offset: number) => `${Math.min(100, Math.max(0, (100 * (offset - grid.start)) / bytes))}%`;
  const onKeyDown = (event: KeyboardEvent, edge: Edge) => {
    const next = event.ctrlKey || event.altKey || event.metaKey ? null : keyedSpan(span, edge, {name: event.key, shift: event.shiftKey}, grid);
    if (next !== null) {
      event.preventDefault();
      onSpan(next, edge);
    }
  };
  return (
    <>
      {(['start', 'end'] as const).map((edge) => {
        const offset = edge === 'start' ? span.offset : span.offset + span.length;
        return (
          <span
            key={edge}
            role="slider"
            tabIndex={0}
            data-edge={edge}
            class={`w-handle ${edge}`}
            style={{left: share(offset)}}
            aria-label={edge === 'start' ? 'Start of the range' : 'End of the range'}
            aria-valuemin={0}
            aria-valuemax={grid.disk}
            aria-valuenow={offset}
            aria-valuetext={`guest ${formatHex(offset)}${placeText(grid, edge === 'start' ? offset : offset - 1)}`}
            onKeyDown={(event) => onKeyDown(event, edge)}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d={edge === 'start' ? 'M10 4 6 8l4 4' : 'm6 4 4 4-4 4'} />
            </svg>
          </span>
        );
      })}
    </>
  );
}

function placeText(grid: Grid, offset: number): string {
  const cell = Math.floor((offset - grid.start) / grid.cell);
  return cell >= 0 && cell < grid.cells ? `, in cell ${cell} of those shown` : '';
}
