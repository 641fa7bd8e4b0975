import type {Controller} from './controller';
import {Store} from './store';
import type {Source} from './watch';

/** Each image has a core of its own, with memory of its own. */
export const MAX_IMAGES = 12;

/** An image that is open, or the empty place for one. */
export interface Place {
  id: number;
  controller: Controller;
  /** How far the page was scrolled when another was looked at. */
  scroll: number;
}

/** The name of the image that is open there; null if the place is empty. */
export function nameIn({controller}: Place): string | null {
  const session = controller.session.value;
  return session.step === 'empty' ? null : session.file.name;
}

interface DeskState {
  /** Never empty. */
  places: readonly Place[];
  current: Place;
  /** The images on the server are shown, and none of those that are open. */
  fleet: boolean;
}

/** The images that are open side by side. */
export class Desk {
  readonly state: Store<DeskState>;
  private nextId = 0;

  constructor(private readonly make: () => Controller) {
    const first = this.place();
    this.state = new Store<DeskState>({places: [first], current: first, fleet: false});
  }

  get current(): Controller {
    return this.state.value.current.controller;
  }

  /** Opens files, each beside what is open; where nothing is shown the first takes that place. Shows the first of them. */
  async open(sources: readonly Source[]): Promise<void> {
    const opened: [Place, Source][] = [];
    for (const source of sources) {
      const place = this.freePlace(opened.map(([used]) => used));
      if (place === null) {
        break;
      }
      opened.push([place, source]);
    }
    const first = opened[0];
    if (first !== undefined) {
      this.select(first[0].id);
    }
    const work = opened.map(([place, source]) => place.controller.open(source));
    const refused = sources[opened.length];
    if (refused !== undefined) {
      const title = `No more than ${MAX_IMAGES} images can be open at once.`;
      this.current.change({notice: {title, text: `Close one, then open ${refused.file.name} again.`}});
    }
    await Promise.all(work);
  }

  /** Shows another of the open images. What was chosen for the page as a whole goes with it. */
  select(id: number): void {
    const {places, current} = this.state.value;
    const next = places.find((place) => place.id === id) ?? current;
    if (next === current) {
      this.state.update((state) => ({...state, fleet: false}));
      return;
    }
    const {theme, singleKeys} = current.controller.view.value;
    next.controller.change({theme, singleKeys});
    current.controller.links.show(false);
    next.controller.links.show(true);
    this.state.set({places, current: next, fleet: false});
  }

  showFleet(): void {
    this.state.update((state) => ({...state, fleet: true}));
  }

  /** Closes an image and what goes on with it. */
  close(id: number): void {
    const {places, current} = this.state.value;
    const at = places.findIndex((place) => place.id === id);
    const place = places[at];
    if (place === undefined) {
      return;
    }
    place.controller.close();
    if (places.length === 1) {
      return;
    }
    place.controller.engine.end();
    const rest = places.filter((other) => other !== place);
    const neighbour = rest[Math.min(at, rest.length - 1)];
    if (place === current && neighbour !== undefined) {
      this.select(neighbour.id);
    }
    this.state.update((state) => ({...state, places: rest}));
  }

  closeCurrent(): void {
    this.close(this.state.value.current.id);
  }

  private freePlace(used: readonly Place[]): Place | null {
    const {places, current} = this.state.value;
    if (!used.includes(current) && ['empty', 'failed'].includes(current.controller.session.value.step)) {
      return current;
    }
    if (places.length >= MAX_IMAGES) {
      return null;
    }
    const place = this.place();
    place.controller.links.show(false);
    this.state.update((state) => ({...state, places: [...state.places, place]}));
    return place;
  }

  private place(): Place {
    return {id: this.nextId++, controller: this.make(), scroll: 0};
  }
}
