import type {ComponentChildren} from 'preact';

interface ScrollTableProps {
  /** What it is a table of. */
  label: string;
  columns: readonly ComponentChildren[];
  /** What the style sheets know the box that scrolls by. */
  box?: 'tall' | 'ranges';
  /** What they know the table by. */
  class?: string;
  id?: string;
  /** The rows. */
  children: ComponentChildren;
}

/** A table that scrolls by itself where it does not fit, by keys as well. */
export function ScrollTable({label, columns, box, class: name, id, children}: ScrollTableProps) {
  return (
    <div id={id} class={box === undefined ? 'scroll' : `scroll ${box}`} tabIndex={0} role="group" aria-label={label}>
      <table class={name}>
        <thead>
          <tr>
            {columns.map((column, i) => (
              <th key={i} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
