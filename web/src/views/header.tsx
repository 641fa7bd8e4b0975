import {visibleText} from '../base/text';
import {formatBytes} from '../base/units';
import {PANEL_LABELS, PANELS} from '../model/keys';
import type {Panel} from '../model/keys';
import {knowsNothing} from '../model/verdict';
import type {Session} from '../state/session';
import type {Theme} from '../state/view';
import {useController, useStore} from './app-context';
import {ChooseImage} from './choose';
import {useDesk} from './desk-context';
import {Icon, Logo} from './signs';
import {ImageText} from './text';

interface HeaderProps {
  session: Session;
  panel: Panel;
  onPanel: (panel: Panel) => void;
}

export function Header({session, panel, onPanel}: HeaderProps) {
  const controller = useController();
  const desk = useDesk();
  return (
    <header class="top">
      <div class="brand">
        <Logo />
        <h1>qcowscope</h1>
      </div>
      {session.step !== 'empty' && (
        <p class="file-chip" title={visibleText(session.file.name)}>
          <ImageText text={session.file.name} />
          <span class="file-size">{formatBytes(session.file.size)}</span>
          <button type="button" class="icon-button" aria-label="Close image" title="Close image" onClick={() => desk.closeCurrent()}>
            <Icon name="close" />
          </button>
        </p>
      )}
      {session.step === 'open' && !knowsNothing(session.verdict) && <Panels panel={panel} onPanel={onPanel} />}
      <div class="tools">
        {session.step !== 'empty' && <ChooseImage />}
        <button
          type="button"
          class="icon-button"
          aria-label="Commands"
          title="Commands (Ctrl+K)"
          onClick={() => controller.change({commands: true})}
        >
          <Icon name="commands" />
        </button>
        <ThemeButton />
        <button
          type="button"
          class="icon-button"
          aria-label="Help"
          title="Help (?)"
          onClick={() => controller.change({help: true})}
        >
          <Icon name="help" />
        </button>
      </div>
    </header>
  );
}

function Panels({panel, onPanel}: Omit<HeaderProps, 'session'>) {
  const {singleKeys} = useStore(useController().view);
  return (
    <nav aria-label="Parts of the page">
      <ul>
        {PANELS.map((name, i) => (
          <li key={name}>
            <a
              href={`#${name}`}
              title={singleKeys ? `Key ${i + 1}` : undefined}
              aria-keyshortcuts={singleKeys ? String(i + 1) : undefined}
              aria-current={name === panel ? 'true' : undefined}
              // A browser leaves what is half in view where it is.
              onFocus={(event) => event.currentTarget.scrollIntoView({block: 'nearest', inline: 'nearest'})}
              onClick={(event) => {
                event.preventDefault();
                onPanel(name);
              }}
            >
              {PANEL_LABELS[name]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const NEXT_THEME: Record<Theme, Theme> = {auto: 'light', light: 'dark', dark: 'auto'};
const THEME_NAMES: Record<Theme, string> = {auto: 'as the system', light: 'light', dark: 'dark'};

function ThemeButton() {
  const controller = useController();
  const {theme} = useStore(controller.view);
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={`Colours: ${THEME_NAMES[theme]}`}
      title={`Colours: ${THEME_NAMES[theme]}`}
      onClick={() => controller.change({theme: NEXT_THEME[theme]})}
    >
      <Icon name={theme} />
    </button>
  );
}
