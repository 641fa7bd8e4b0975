import type {CrashChoice} from '../model/crashchoice';
import {NO_FILTER} from '../model/findings';
import type {FindingPlace, Found, GroupFilter} from '../model/findings';
import type {MapPlace} from '../model/map/place';
import type {Problem} from '../protocol/protocol.gen';

export type Theme = 'auto' | 'light' | 'dark';

/** How far saving the repaired image is. */
export type Saving =
  | {step: 'none'}
  | {step: 'writing'; written: number; total: number}
  | {step: 'saved'; how: 'streamed'; name: string; bytes: number; copy: File}
  | {step: 'saved'; how: 'downloaded'; name: string; bytes: number}
  | {step: 'failed'; problem: Problem};

/** What the Lab can show. */
export type LabTab = 'rebuild' | 'width' | 'crash' | 'write';

/** A message that is not about the image itself, shown until it is closed. */
interface Notice {
  title: string;
  text: string;
}

/** How the user looks at the session. Nothing here changes what is known of the image. */
export interface View {
  theme: Theme;
  /** Keys without Ctrl or Alt are commands. Can be switched off, for those who speak to their computer. */
  singleKeys: boolean;
  help: boolean;
  /** The list of commands is open. */
  commands: boolean;
  notice: Notice | null;
  /** The cluster that the inspector tells about. */
  selected: MapPlace | null;
  /** The finding that n and p start from. */
  finding: FindingPlace | null;
  filter: GroupFilter;
  /** What the core found at the places that the filter names; null until it was asked. */
  found: Found | null;
  mapAs: 'picture' | 'table';
  hexAs: 'bytes' | 'fields';
  saving: Saving;
  /** Plans are made to overwrite nothing that is live. */
  redirect: boolean;
  /** What the Lab interrupts; null until that was chosen. */
  crash: CrashChoice | null;
  /** The tab of the Lab that is open. */
  lab: LabTab;
  /** Grows with every change of the image that is shown; what was read before is out of date then. */
  epoch: number;
}

const SETTINGS_KEY = 'qcowscope';

export function initialView(): View {
  return {...settings(), ...imageView(0)};
}

/** What the view of another image starts with. */
export function imageView(epoch: number) {
  return {
    help: false,
    commands: false,
    notice: null,
    selected: null,
    finding: null,
    filter: NO_FILTER,
    found: null,
    mapAs: 'picture',
    hexAs: 'bytes',
    saving: {step: 'none'},
    redirect: false,
    crash: null,
    lab: 'rebuild',
    epoch,
  } as const satisfies Partial<View>;
}

type Settings = Pick<View, 'theme' | 'singleKeys'>;

/** The settings are all that is kept in the browser: never a file's name or content. */
function settings(): Settings {
  const standard: Settings = {theme: 'auto', singleKeys: true};
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(SETTINGS_KEY) ?? '{}');
    return {
      theme: field(stored, 'theme') === 'light' ? 'light' : field(stored, 'theme') === 'dark' ? 'dark' : 'auto',
      singleKeys: field(stored, 'singleKeys') !== false,
    };
  } catch {
    // Storage is refused in some private windows: the page works without.
    return standard;
  }
}

function field(value: unknown, name: keyof Settings): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

export function keepSettings({theme, singleKeys}: Settings): void {
  try {
    localStorage.setItem(SETTINGS_KEY, JSON.stringify({theme, singleKeys}));
  } catch {
    // As above.
  }
}
