import {jumped} from '../model/hexplace';
import type {Panel} from '../model/keys';
import {linkText, looksOf, parseLink} from '../model/link';
import type {Link} from '../model/link';
import type {MapPlace} from '../model/map/place';
import {knowsNothing} from '../model/verdict';
import type {Info} from '../protocol/protocol.gen';
import type {Controller} from './controller';
import {currentInfo, currentVerdict} from './session';
import type {OpenSession} from './session';
import {Store} from './store';

/** The address of the page, as far as links need it. */
export interface Address {
  /** `#v=hex`, or empty. */
  fragment: () => string;
  /** Puts another fragment in its place, without a new entry in the history. */
  replace: (fragment: string) => void;
  /** The whole address with a fragment. */
  withFragment: (fragment: string) => string;
  onChange: (changed: () => void) => void;
}

/** Browsers refuse to change the address more often than about three times a second for long. */
const REST = 400;

/**
 * The fragment of the page's address holds the place where the user is: what is open is never in it. An address that
 * is opened before there is an image waits for the image.
 */
export class Links {
  /** The part of the page that is being read. */
  readonly panel = new Store<Panel>('summary');
  /** A link that waits for an image. */
  readonly waiting: Store<Link | null>;
  /** The part of the page that a link leads to, once it was followed; a new object every time. */
  readonly arrived = new Store<{panel: Panel} | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the images that are open, the address tells of the one that is shown. */
  private shown = true;

  constructor(
    private readonly controller: Controller,
    private readonly address: Address,
  ) {
    this.waiting = new Store(parseLink(address.fragment()));
    address.onChange(() => {
      if (this.shown) {
        this.opened(parseLink(address.fragment()));
      }
    });
    for (const store of [controller.session, controller.view, controller.hex, controller.map.choices, this.panel]) {
      store.subscribe(() => this.changed());
    }
  }

  /** Whether the address tells of this image. One that comes into view later follows no link to another. */
  show(shown: boolean): void {
    this.shown = shown;
    this.waiting.set(null);
    this.changed();
  }

  /** The address of the place where the user is, in this or another part of the page. */
  current(panel: Panel = this.panel.value): string {
    return this.address.withFragment(linkText(this.here(panel)));
  }

  /** Puts the address of a place on the clipboard, or shows it where that is refused. Resolves with whether it could. */
  async copy(panel?: Panel): Promise<boolean> {
    const link = this.current(panel);
    try {
      await navigator.clipboard.writeText(link);
      return true;
    } catch {
      this.controller.change({notice: {title: 'The clipboard cannot be written to. This is the link:', text: link}});
      return false;
    }
  }

  private here(panel: Panel): Link {
    const {selected, finding, mapAs, hexAs} = this.controller.view.value;
    const {cursor, other} = this.controller.hex.value;
    return {panel, byte: cursor === 0n ? null : cursor, selected, finding, other, hexAs, mapAs, map: looksOf(this.controller.map.choices.value)};
  }

  /** Someone has typed or pasted another fragment. */
  private opened(link: Link | null): void {
    this.waiting.set(link);
    this.changed();
  }

  private changed(): void {
    const session = this.controller.session.value;
    if (!this.shown || session.step !== 'open' || knowsNothing(session.verdict)) {
      return;
    }
    // Whoever changes the image resets the view after that; only then can a place be gone to.
    queueMicrotask(() => this.followWaiting());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), REST);
  }

  private write(): void {
    const text = linkText(this.here(this.panel.value));
    if (this.shown && this.controller.session.value.step === 'open' && text !== this.address.fragment()) {
      this.address.replace(text);
    }
  }

  private followWaiting(): void {
    const session = this.controller.session.value;
    const link = this.waiting.value;
    if (this.shown && link !== null && session.step === 'open') {
      this.waiting.set(null);
      this.follow(link, session);
    }
  }

  private follow(link: Link, session: OpenSession): void {
    const info = currentInfo(session);
    const {selected, byte, finding} = link;
    const group = currentVerdict(session).groups.find(({code}) => code === finding?.code);
    const has = {
      selected: selected === null || isThere(selected, info),
      byte: byte === null || byte < BigInt(info.fileSize),
      layer: link.map.layer <= info.snapshots,
      finding: finding === null || (group !== undefined && finding.index < group.kept),
    };
    this.controller.map.change(has.layer ? link.map : {...link.map, layer: 0});
    this.controller.change({
      mapAs: link.mapAs,
      hexAs: link.hexAs,
      selected: has.selected ? selected : null,
      finding: has.finding ? finding : null,
    });
    this.controller.hex.update((place) => ({...(byte !== null && has.byte ? jumped(place, byte) : place), other: link.other}));
    if (Object.values(has).includes(false)) {
      this.controller.change({
        notice: {
          title: 'The link leads to something that this image does not have.',
          text: 'It may have been made for another image, or for this one before it was changed.',
        },
      });
    }
    this.arrived.set({panel: link.panel});
  }
}

function isThere(place: MapPlace, info: Info): boolean {
  if (place.space === 'host') {
    return place.cluster < info.hostClusters;
  }
  return place.layer <= info.snapshots && place.cluster * info.clusterSize < Number(info.virtualSize);
}

/** The address of the browser's window. */
export function windowAddress(): Address {
  const withFragment = (fragment: string) => location.href.replace(/#.*$/, '') + fragment;
  return {
    fragment: () => location.hash,
    replace: (fragment) => history.replaceState(history.state, '', withFragment(fragment)),
    withFragment,
    onChange: (changed) => addEventListener('hashchange', changed),
  };
}
