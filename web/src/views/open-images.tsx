import {visibleText} from '../base/text';
import {toneOf} from '../model/verdict';
import {currentVerdict} from '../state/session';
import type {Session} from '../state/session';
import type {Place} from '../state/desk';
import {useStore} from './app-context';
import {useDesk} from './desk-context';
import {Icon, SeveritySign} from './signs';
import {SIGN_OF_TONE} from './status';
import {ImageText} from './text';

/** The images that are open, if there are several, to choose the one that is shown. */
export function OpenImages() {
  const desk = useDesk();
  const {places, current} = useStore(desk.state);
  return places.length < 2 ? null : (
    <nav class="open-images" aria-label="Open images">
      <ul>
        {places.map((place) => (
          <OpenImage key={place.id} place={place} current={place === current} />
        ))}
      </ul>
    </nav>
  );
}

function OpenImage({place, current}: {place: Place; current: boolean}) {
  const desk = useDesk();
  const session = useStore(place.controller.session);
  const name = session.step === 'empty' ? '' : session.file.name;
  return (
    <li class={current ? 'current' : ''}>
      <button type="button" aria-current={current ? 'true' : undefined} onClick={() => desk.select(place.id)}>
        <Sign session={session} />
        <ImageText text={name} />
      </button>
      <button type="button" class="icon-button" aria-label={`Close ${visibleText(name)}`} onClick={() => desk.close(place.id)}>
        <Icon name="close" />
      </button>
    </li>
  );
}

/** How the image is, as far as that is known. */
function Sign({session}: {session: Session}) {
  switch (session.step) {
    case 'open':
      return <SeveritySign severity={SIGN_OF_TONE[toneOf(currentVerdict(session))]} />;
    case 'failed':
      return <SeveritySign severity="danger" />;
    case 'empty':
      return null;
    default:
      return <span class="spinner" role="img" aria-label="Checking" />;
  }
}
