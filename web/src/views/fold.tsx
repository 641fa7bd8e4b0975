import type {ComponentChildren} from 'preact';
import {useState} from 'preact/hooks';

interface FoldProps {
  class: string;
  summary: ComponentChildren;
  children: ComponentChildren;
}

/** A part that is there only while it is unfolded: what it shows has to be asked for. */
export function Fold({class: name, summary, children}: FoldProps) {
  const [open, setOpen] = useState(false);
  return (
    <details class={name} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {open && children}
    </details>
  );
}
