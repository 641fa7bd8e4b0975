import {formatBytes, formatCount} from '../base/units';
import {countsBySeverity} from '../model/findings';
import {OWNER_FACTS, ownerNamed, OWNERS} from '../model/owners';
import type {Owner} from '../model/owners';
import {SEVERITIES} from '../model/severity';
import type {Verdict} from '../protocol/protocol.gen';
import {useController, useStore} from './app-context';
import {SeverityTag} from './signs';
import {Swatch} from './swatch';

/** What the fills and marks mean, with counts. Its buttons dim all the rest of the map. */
export function Legend({verdict}: {verdict: Verdict}) {
  const controller = useController();
  const {highlighted} = useStore(controller.view);
  const usage = verdict.usage
    .map((part) => ({...part, owner: ownerNamed(part.owner)}))
    .toSorted((a, b) => OWNERS.indexOf(a.owner) - OWNERS.indexOf(b.owner));
  const toggle = (owner: Owner) => {
    const rest = highlighted.filter((other) => other !== owner);
    controller.change({highlighted: rest.length < highlighted.length ? rest : [...highlighted, owner]});
  };
  return (
    <div class="legend">
      <ul aria-label="Highlight on the map">
        {usage.map(({owner, clusters, bytes}) => (
          <li key={owner}>
            <button
              type="button"
              aria-pressed={highlighted.includes(owner)}
              title={OWNER_FACTS[owner].meaning}
              onClick={() => toggle(owner)}
            >
              <Swatch owner={owner} />
              <span>{OWNER_FACTS[owner].label}</span>
              <span class="muted">
                {formatCount(clusters)} &middot; {formatBytes(bytes)}
              </span>
            </button>
          </li>
        ))}
        {highlighted.length > 0 && (
          <li>
            <button type="button" class="quiet" onClick={() => controller.change({highlighted: []})}>
              Show all
            </button>
          </li>
        )}
      </ul>
      <Marks verdict={verdict} />
    </div>
  );
}

function Marks({verdict}: {verdict: Verdict}) {
  const waste = SEVERITIES.indexOf('waste');
  const marked = countsBySeverity(verdict.groups).filter(({severity}) => SEVERITIES.indexOf(severity) >= waste);
  return marked.length === 0 ? null : (
    <p class="legend-marks">
      Marks:
      {marked.map(({severity}) => (
        <SeverityTag key={severity} severity={severity} />
      ))}
    </p>
  );
}
