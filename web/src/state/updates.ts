import {Store} from './store';

/** What is known of the copy of the page that the browser keeps. */
export interface Kept {
  /** All of it is kept: the page works without a network. */
  offline: boolean;
  /** A newer version is there; it is used when the page is loaded again. */
  newer: boolean;
}

/** Takes the newer version into use and loads the page again. */
type TakeNewer = () => Promise<void>;

/** Who keeps the page: starts doing so, and tells what it knows. */
export type Keep = (tell: {offline: () => void; newer: () => void}) => TakeNewer;

/** The page's own versions. */
export class Updates {
  readonly kept = new Store<Kept>({offline: false, newer: false});
  private takeNewer: TakeNewer = () => Promise.resolve();

  /** Has the page kept from now on. */
  start(keep: Keep): void {
    this.takeNewer = keep({
      offline: () => this.kept.update((kept) => ({...kept, offline: true})),
      newer: () => this.kept.update((kept) => ({...kept, newer: true})),
    });
  }

  /** The notice is put away until the page is loaded the next time. */
  later(): void {
    this.kept.update((kept) => ({...kept, newer: false}));
  }

  update(): Promise<void> {
    return this.takeNewer();
  }
}
