import type {ComponentChildren} from 'preact';
import type {Panel} from '../model/keys';

interface SectionProps {
  panel: Panel;
  /** The region's name; the heading may say more. */
  label: string;
  heading: string;
  /** Beside the heading. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

/** One of the page's parts. Its heading can be focused, so that a key can go there. */
export function Section({panel, label, heading, aside, children}: SectionProps) {
  return (
    <section class={`panel ${panel}`} aria-label={label}>
      <div class="panel-head">
        <h2 id={panel} tabIndex={-1}>
          {heading}
        </h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
