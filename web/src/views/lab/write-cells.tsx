import type {ComponentChildren} from 'preact';
import {STATE_FACTS} from '../../model/map/states';
import type {SubclusterState} from '../../model/map/states';
import type {Grid, Span} from '../../model/writerange';
import {barOf, CELLS} from '../../model/writerange';

/** A row of the picture under its name. */
export function Row({name, look, children}: {name: string; look?: string; children: ComponentChildren}) {
  return (
    <div class={`w-row ${look ?? ''}`}>
      <span class="w-name">{name}</span>
      <div class="w-lane">{children}</div>
    </div>
  );
}

interface StatesRowProps {
  states: readonly SubclusterState[];
  /** Those that are not what they were. */
  changed?: readonly boolean[];
}

/** Cells side by side, one for each state. */
export function StateCells({states, changed}: StatesRowProps) {
  return (
    <div class="w-cells">
      {states.map((state, i) => (
        <span key={i} class={`w-cell ${state}${changed?.[i] === true ? ' changed' : ''}`}>
          {STATE_FACTS[state].letter === 'A' ? '' : STATE_FACTS[state].letter}
        </span>
      ))}
    </div>
  );
}

interface SpanBarProps {
  grid: Grid;
  span: Span;
  look: string;
  title?: string;
  /** Shown if there is room, else the letter. */
  text?: string | undefined;
  letter?: string | undefined;
  /** More, if there is plenty of room. */
  more?: string | undefined;
  size?: string | undefined;
}

/** A range as a bar over the cells of the row. */
export function SpanBar({grid, span, look, title, text, letter, more, size}: SpanBarProps) {
  const bar = barOf(grid, span);
  if (bar === null) {
    return null;
  }
  const beyond = `${bar.before ? ' before' : ''}${bar.after ? ' after' : ''}`;
  return (
    <span class={`w-bar ${look}${beyond}`} style={{left: `${bar.left}%`, width: `${bar.width}%`}} title={title}>
      {text !== undefined && (
        <span class="w-long">
          {text}
          {more !== undefined && more !== '' && <span class="w-more">: {more}</span>}
          {size !== undefined && <span class="w-size">, {size}</span>}
        </span>
      )}
      {letter !== undefined && letter !== '' && <span class="w-short">{letter}</span>}
    </span>
  );
}

/** Numbers of cells, every fourth where there is room, else every eighth. */
export function Axis({grid, first}: {grid: Grid; first: number}) {
  const marks = Array.from({length: CELLS / 4}, (_, i) => i * 4).filter((i) => i < grid.cells);
  return (
    <div class="w-axis" aria-hidden="true">
      {marks.map((i) => (
        <span key={i} class={i % 8 === 0 ? undefined : 'minor'} style={{left: `${(100 * i) / CELLS}%`}}>
          {first + i}
        </span>
      ))}
    </div>
  );
}
