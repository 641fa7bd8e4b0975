import {useId, useRef} from 'preact/hooks';
import type {ComponentType} from 'preact';
import type {OpenSession} from '../../state/session';
import type {LabTab} from '../../state/view';
import {useController, useStore} from '../app-context';
import {Section} from '../section';
import {CrashTab} from './crash-tab';
import {RebuildTab} from './rebuild-tab';
import {WidthTab} from './width-tab';
import {WriteTab} from './write-tab';

interface Tab {
  id: LabTab;
  label: string;
  Content: ComponentType<{session: OpenSession}>;
}

/** What the Lab shows, in the order of its tabs. */
const TABS: readonly Tab[] = [
  {id: 'rebuild', label: 'Rebuild refcounts', Content: RebuildTab},
  {id: 'width', label: 'Refcount width', Content: WidthTab},
  {id: 'crash', label: 'Crash', Content: CrashTab},
  {id: 'write', label: 'One write', Content: WriteTab},
];

/** How the format works, played on this image: nothing here changes it unless it is applied. */
export function LabPanel({session}: {session: OpenSession}) {
  const controller = useController();
  const {epoch, lab} = useStore(controller.view);
  const open = TABS.findIndex((tab) => tab.id === lab);
  const id = useId();
  const Content = TABS[open]?.Content;
  return (
    <Section panel="lab" label="Lab" heading="Lab">
      <div class="card lab-card">
        <TabList id={id} open={open} onOpen={(tab) => controller.change({lab: TABS[tab]?.id ?? 'rebuild'})} />
        <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-tab-${open}`} class="lab-tab">
          {/* What was shown of an image before it changed is of no use any more. */}
          {Content !== undefined && <Content key={`${open} ${epoch}`} session={session} />}
        </div>
      </div>
    </Section>
  );
}

interface TabListProps {
  id: string;
  open: number;
  onOpen: (tab: number) => void;
}

/** One tab stop; the arrow keys go from tab to tab. */
function TabList({id, open, onOpen}: TabListProps) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const next = nextTab(event.key, open, TABS.length);
    if (next !== null) {
      event.preventDefault();
      onOpen(next);
      list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
    }
  };
  return (
    <div ref={list} role="tablist" aria-label="Lab" class="tabs" onKeyDown={onKeyDown}>
      {TABS.map(({label}, i) => (
        <button
          key={label}
          type="button"
          role="tab"
          id={`${id}-tab-${i}`}
          aria-selected={i === open}
          aria-controls={`${id}-panel`}
          tabIndex={i === open ? 0 : -1}
          onClick={() => onOpen(i)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function nextTab(key: string, open: number, count: number): number | null {
  switch (key) {
    case 'ArrowRight':
      return (open + 1) % count;
    case 'ArrowLeft':
      return (open + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
