import {useEffect} from 'preact/hooks';
import {plural} from '../../base/units';
import {countsOf, listed, STANDING_FACTS, STANDINGS} from '../../model/fleet';
import type {FleetImage, Standing} from '../../model/fleet';
import type {FleetState} from '../../state/fleet';
import type {Updates} from '../../state/updates';
import {useStore} from '../app-context';
import {useDesk, useFleet} from '../desk-context';
import {Header} from '../header';
import {Help} from '../help';
import {OpenImages} from '../open-images';
import {ProblemText} from '../problem';
import {SeveritySign} from '../signs';
import {UpdateBar} from '../updates';
import {FleetTable} from './fleet-table';
import {RunLine} from './run-line';

type SignedIn = Extract<FleetState, {step: 'signed-in'}>;

/** The images on the server, in place of one that is open. */
export function FleetPage({updates}: {updates: Updates}) {
  const desk = useDesk();
  const state = useStore(useFleet().state);
  const signedIn = state.step === 'signed-in';
  useEffect(() => {
    if (!signedIn) {
      desk.select(desk.state.value.current.id);
    }
  }, [desk, signedIn]);
  return (
    <>
      <Header session={{step: 'empty'}} panel="summary" onPanel={() => undefined} />
      <OpenImages />
      <UpdateBar updates={updates} />
      <main class="fleet">{signedIn && <SignedInFleet state={state} />}</main>
      <Help />
    </>
  );
}

function SignedInFleet({state}: {state: SignedIn}) {
  const fleet = useFleet();
  const {images, loading, problem, run, more, listing} = state;
  const found = listed(images, listing);
  return (
    <section aria-labelledby="fleet">
      <div class="panel-head">
        <h1 id="fleet">Images on this server</h1>
        <div class="row">
          <button type="button" disabled={loading} onClick={() => void fleet.refresh()}>
            Refresh
          </button>
          <button type="button" onClick={() => fleet.signOut()}>
            Sign out
          </button>
        </div>
      </div>
      <p class="fleet-headline" role="status">
        {loading && images.length === 0 ? 'Listing the images' : headline(images)}
      </p>
      {problem !== null && <ProblemText problem={problem} />}
      <Standings images={images} only={listing.only} />
      <RunLine run={run} />
      <div class="card">
        <label class="fleet-filter">
          Filter by name
          <input type="search" value={listing.text} onInput={(event) => fleet.list({text: event.currentTarget.value})} />
        </label>
        <p class="muted" aria-live="polite">
          {plural(found.length, 'image')} of {images.length}
          {more && '; the server has more: only the first are listed'}
        </p>
        <FleetTable images={found} listing={listing} />
      </div>
    </section>
  );
}

/** How the fleet is, in one sentence. */
function headline(images: readonly FleetImage[]): string {
  const counts = countsOf(images);
  const of = (standing: Standing) => counts.get(standing) ?? 0;
  if (images.length === 0) {
    return 'There are no images here: no object is called .qcow2.';
  }
  if (of('corrupt') > 0) {
    const verb = of('corrupt') === 1 ? 'is' : 'are';
    return `${plural(of('corrupt'), 'image')} of ${images.length} ${verb} corrupt: start no machine from ${of('corrupt') === 1 ? 'it' : 'them'}.`;
  }
  if (of('unreadable') > 0) {
    return `${plural(of('unreadable'), 'image')} of ${images.length} cannot be checked.`;
  }
  if (of('unchecked') > 0) {
    return `${plural(of('unchecked'), 'image')} of ${images.length} not checked yet; no corruption in the others.`;
  }
  return `No corruption in ${plural(images.length, 'image')}.`;
}

/** How many there are of each class; each is a filter. */
function Standings({images, only}: {images: readonly FleetImage[]; only: readonly Standing[]}) {
  const fleet = useFleet();
  const counts = countsOf(images);
  const toggle = (standing: Standing) =>
    fleet.list({only: only.includes(standing) ? only.filter((other) => other !== standing) : [...only, standing]});
  return (
    <ul class="standings" aria-label="Verdicts">
      {STANDINGS.filter((standing) => (counts.get(standing) ?? 0) > 0).map((standing) => (
        <li key={standing}>
          <button type="button" class={standing === 'newer' ? 'newer' : undefined} aria-pressed={only.includes(standing)} onClick={() => toggle(standing)}>
            <SeveritySign severity={STANDING_FACTS[standing].severity} />
            {STANDING_FACTS[standing].word} <strong>{counts.get(standing)}</strong>
          </button>
        </li>
      ))}
    </ul>
  );
}
