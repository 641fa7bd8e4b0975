import {useEffect, useLayoutEffect} from 'preact/hooks';
import {commandOf, PANELS} from '../model/keys';
import type {Command} from '../model/keys';
import {knowsNothing} from '../model/verdict';
import type {Controller} from '../state/controller';
import type {Desk, Place} from '../state/desk';
import type {Fleet} from '../state/fleet';
import type {OpenSession} from '../state/session';
import type {Updates} from '../state/updates';
import {AppContext, useController, useStore} from './app-context';
import {BusyPanel} from './busy';
import {CommandPalette} from './commands/command-palette';
import {DeskContext, FleetContext} from './desk-context';
import {DropTarget} from './drop';
import {EmptyPanel} from './empty';
import {FailedPanel} from './failed';
import {FindingsPanel} from './findings';
import {FleetPage} from './fleet/fleet-page';
import {goTo} from './go-to';
import {Header} from './header';
import {Help} from './help';
import {stepHex} from './hex/go';
import {HexPanel} from './hex/hex-panel';
import {LabPanel} from './lab/lab-panel';
import {LayersPanel} from './layers/layers-panel';
import {MapPanel} from './map/map-panel';
import {NoticeBar, RepairBar} from './notices';
import {OpenImages} from './open-images';
import {RepairPanel} from './repair';
import {SavePanel} from './save';
import {Status} from './status';
import {SummaryPanel, VerdictActions} from './summary';
import {OfflineNote, UpdateBar} from './updates';

interface AppProps {
  desk: Desk;
  fleet: Fleet;
  updates: Updates;
}

export function App({desk, fleet, updates}: AppProps) {
  const {current, fleet: fleetShown} = useStore(desk.state);
  useLeaveWarning(desk);
  useScrollOf(current);
  return (
    <DeskContext.Provider value={desk}>
      <FleetContext.Provider value={fleet}>
        <AppContext.Provider value={current.controller}>
          {fleetShown ? <FleetPage updates={updates} /> : <Page key={current.id} updates={updates} />}
          <DropTarget />
        </AppContext.Provider>
      </FleetContext.Provider>
    </DeskContext.Provider>
  );
}

function Page({updates}: {updates: Updates}) {
  const controller = useController();
  const session = useStore(controller.session);
  const {theme} = useStore(controller.view);
  const panel = useStore(controller.links.panel);
  useKeys();
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  useCurrentPanel(session.step === 'open');
  useArrival();
  return (
    <>
      <Header session={session} panel={panel} onPanel={goTo} />
      <OpenImages />
      <UpdateBar updates={updates} />
      <NoticeBar />
      {session.step === 'open' && <RepairBar session={session} />}
      <main class={session.step}>
        <div class="verdict">
          <Status session={session} />
          {session.step === 'open' && <VerdictActions session={session} />}
        </div>
        {session.step === 'empty' && <EmptyPanel />}
        {(session.step === 'opening' || session.step === 'checking') && <BusyPanel session={session} />}
        {session.step === 'failed' && <FailedPanel session={session} />}
        {session.step === 'open' && <OpenPanels session={session} />}
      </main>
      <footer>
        <p>
          Everything happens in this browser tab: no byte, name or hash of your image leaves it. qcowscope is no part of
          QEMU.
        </p>
        <OfflineNote updates={updates} />
      </footer>
      <Help />
      <CommandPalette />
    </>
  );
}

function OpenPanels({session}: {session: OpenSession}) {
  if (knowsNothing(session.verdict)) {
    return <SummaryPanel session={session} />;
  }
  return (
    <>
      <SummaryPanel session={session} />
      <MapPanel session={session} />
      <FindingsPanel session={session} />
      <RepairPanel session={session} />
      <HexPanel session={session} />
      <LayersPanel session={session} />
      <LabPanel session={session} />
      <SavePanel session={session} />
    </>
  );
}

/** The part of the page that is being read, for the navigation. */
function useCurrentPanel(open: boolean): void {
  const {panel} = useController().links;
  useEffect(() => {
    if (!open) {
      return;
    }
    const find = () => {
      const line = innerHeight / 3;
      const atEnd = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
      const reached = PANELS.filter((name) => {
        const section = document.getElementById(name)?.closest('section');
        return section !== null && section !== undefined && section.getBoundingClientRect().top <= line;
      });
      panel.set((atEnd ? 'save' : reached.at(-1)) ?? 'summary');
    };
    find();
    addEventListener('scroll', find, {passive: true});
    return () => removeEventListener('scroll', find);
  }, [open, panel]);
}

/** Goes where a link leads to. */
function useArrival(): void {
  const arrived = useStore(useController().links.arrived);
  useEffect(() => {
    if (arrived !== null) {
      goTo(arrived.panel);
    }
  }, [arrived]);
}

function useKeys(): void {
  const controller = useController();
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const {singleKeys, commands} = controller.view.value;
      if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
        event.preventDefault();
        // The browser tells of a closed dialog a moment late; until then the page holds it for open.
        const closed = document.querySelector<HTMLDialogElement>('dialog.commands:not([open])');
        // Over another dialog it would be out of reach.
        const free = document.querySelector('dialog[open]') === null;
        closed?.showModal();
        controller.change({commands: free && (closed !== null || !commands)});
        return;
      }
      if (!singleKeys || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) {
        return;
      }
      const command = commandOf(event.key);
      if (command !== null && !event.defaultPrevented && document.querySelector('dialog[open]') === null) {
        event.preventDefault();
        run(controller, command);
      }
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [controller]);
}

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) {
    return !['checkbox', 'radio', 'file', 'button'].includes(target.type);
  }
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function run(controller: Controller, command: Command): void {
  switch (command.do) {
    case 'panel':
      goTo(command.panel);
      break;
    case 'help':
      controller.change({help: true});
      break;
    case 'filter':
      document.getElementById('finding-filter')?.focus();
      break;
    case 'finding':
      void controller.stepFinding(command.step);
      break;
    case 'table':
      controller.change({mapAs: controller.view.value.mapAs === 'table' ? 'picture' : 'table'});
      goTo('map');
      break;
    case 'history':
      stepHex(controller, command.step);
      break;
  }
}

/** While a copy is being written the page asks before it is left. */
function useLeaveWarning(desk: Desk): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      if (desk.state.value.places.some(({controller}) => controller.view.value.saving.step === 'writing')) {
        event.preventDefault();
      }
    };
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [desk]);
}

/** Each image is shown again where it was left. */
function useScrollOf(place: Place): void {
  useLayoutEffect(() => {
    scrollTo({top: place.scroll, behavior: 'instant'});
    const keep = () => {
      place.scroll = scrollY;
    };
    addEventListener('scroll', keep, {passive: true});
    return () => removeEventListener('scroll', keep);
  }, [place]);
}
