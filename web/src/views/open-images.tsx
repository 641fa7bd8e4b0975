import {useLayoutEffect, useReducer} from 'preact/hooks';
import {numberedName, ordinals} from '../model/names';
import {toneOf} from '../model/verdict';
import {currentVerdict} from '../state/session';
import type {Session} from '../state/session';
import {nameIn} from '../state/desk';
import type {Place} from '../state/desk';
import {useStore} from './app-context';
import {useDesk, useFleet} from './desk-context';
import {Icon, SeveritySign} from './signs';
import {SIGN_OF_TONE} from './status';
import {ImageText} from './text';

/** The images that are open, if there are several, and those on the server, to choose what is shown. */
export function OpenImages() {
  const desk = useDesk();
  const {places, current, fleet} = useStore(desk.state);
  const signedIn = useStore(useFleet().state).step === 'signed-in';
  useSessionsOf(places);
  const numbers = ordinals(places.map(nameIn));
  return places.length < 2 && !signedIn ? null : (
    <nav class="open-images" aria-label="Open images">
      <ul>
        {signedIn && (
          <li class={fleet ? 'current' : ''}>
            <button type="button" aria-current={fleet ? 'true' : undefined} onClick={() => desk.showFleet()}>
              <Icon name="computer" /> Images on the server
            </button>
          </li>
        )}
        {places.map((place, i) => (
          <OpenImage key={place.id} place={place} ordinal={numbers[i] ?? 1} current={place === current && !fleet} />
        ))}
      </ul>
    </nav>
  );
}

/** The view is drawn again whenever a session changes: the number behind a name depends on all of them. */
function useSessionsOf(places: readonly Place[]): void {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => {
    const ends = places.map(({controller}) => controller.session.subscribe(() => redraw(undefined)));
    return () => ends.forEach((end) => end());
  }, [places]);
}

interface OpenImageProps {
  place: Place;
  /** Which it is of those that are open and have the same name. */
  ordinal: number;
  current: boolean;
}

function OpenImage({place, ordinal, current}: OpenImageProps) {
  const desk = useDesk();
  const session = place.controller.session.value;
  if (session.step === 'empty') {
    return (
      <li class={current ? 'current' : ''}>
        <button type="button" aria-current={current ? 'true' : undefined} onClick={() => desk.select(place.id)}>
          Open an image
        </button>
      </li>
    );
  }
  const {name} = session.file;
  return (
    <li class={current ? 'current' : ''}>
      <button type="button" aria-current={current ? 'true' : undefined} onClick={() => desk.select(place.id)}>
        <Sign session={session} />
        <ImageText text={name} />
        {ordinal > 1 && <span>({ordinal})</span>}
      </button>
      <button type="button" class="icon-button" aria-label={`Close ${numberedName(name, ordinal)}`} onClick={() => desk.close(place.id)}>
        <Icon name="close" />
      </button>
    </li>
  );
}

/** How the image is, as far as that is known. */
function Sign({session}: {session: Exclude<Session, {step: 'empty'}>}) {
  switch (session.step) {
    case 'open':
      return <SeveritySign severity={SIGN_OF_TONE[toneOf(currentVerdict(session))]} />;
    case 'failed':
      return <SeveritySign severity="danger" />;
    default:
      return <span class="spinner" role="img" aria-label="Checking" />;
  }
}
