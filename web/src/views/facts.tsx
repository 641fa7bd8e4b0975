import type {ComponentChildren} from 'preact';

/** A name and what it is, in a list of such. */
export function Fact({name, children}: {name: string; children: ComponentChildren}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Names and what they are. */
export function Facts({facts, class: name}: {facts: readonly (readonly [string, ComponentChildren])[]; class?: string}) {
  return (
    <dl class={name}>
      {facts.map(([what, value]) => (
        <Fact key={what} name={what}>
          {value}
        </Fact>
      ))}
    </dl>
  );
}
