import type {RemoteImage} from '../engine/remote';
import {WORST_FIRST} from '../model/fleet';
import type {FleetImage, FleetRun, Listing} from '../model/fleet';
import type {Problem} from '../protocol/protocol.gen';
import {FleetApi} from './fleet-api';
import {Store} from './store';

/** More are not listed at once: the filter of a prefix finds the others. */
const MOST_LISTED = 20_000;

const POLL_MS = 1500;

export type FleetState =
  /** The page does not come from a server with the service, or it is off there. */
  | {step: 'absent'}
  | {step: 'signed-out'; busy: boolean; problem: Problem | null}
  | {
      step: 'signed-in';
      images: readonly FleetImage[];
      /** Not all images are listed. */
      more: boolean;
      loading: boolean;
      /** The run that goes on, or has just ended. */
      run: FleetRun | null;
      problem: Problem | null;
      listing: Listing;
    };

type SignedIn = Extract<FleetState, {step: 'signed-in'}>;

/** The images in the bucket of the server. The token is kept in memory only, and gone when the page is. */
export class Fleet {
  readonly state = new Store<FleetState>({step: 'absent'});
  private api: FleetApi | null = null;
  private polls: ReturnType<typeof setTimeout> | undefined;

  /** @param base the address of the API, null if there is none */
  constructor(private readonly base: URL | null) {}

  /** Looks whether the service is on. */
  async look(): Promise<void> {
    if (this.base !== null && (await FleetApi.isOn(this.base))) {
      this.state.set({step: 'signed-out', busy: false, problem: null});
    }
  }

  async signIn(token: string): Promise<void> {
    if (this.base === null) {
      return;
    }
    this.state.set({step: 'signed-out', busy: true, problem: null});
    const api = new FleetApi(this.base, token);
    const page = await api.images('');
    if (!page.ok) {
      this.state.set({step: 'signed-out', busy: false, problem: page.error});
      return;
    }
    this.api = api;
    this.state.set({step: 'signed-in', images: [], more: false, loading: true, run: null, problem: null, listing: WORST_FIRST});
    await this.refresh();
  }

  signOut(): void {
    clearTimeout(this.polls);
    this.api = null;
    this.state.set({step: 'signed-out', busy: false, problem: null});
  }

  list(change: Partial<Listing>): void {
    this.change((now) => ({listing: {...now.listing, ...change}}));
  }

  async refresh(): Promise<void> {
    const {api} = this;
    if (api === null) {
      return;
    }
    this.change(() => ({loading: true, problem: null}));
    const images: FleetImage[] = [];
    let cursor: string | undefined = '';
    while (cursor !== undefined && images.length < MOST_LISTED) {
      const page = await api.images(cursor);
      if (api !== this.api) {
        return;
      }
      if (!page.ok) {
        const {error} = page;
        this.change(() => ({loading: false, problem: error}));
        return;
      }
      images.push(...page.value.images);
      cursor = page.value.cursor;
    }
    this.change(() => ({images, more: cursor !== undefined, loading: false}));
  }

  /** Checks all images whose keys begin so, in the order of the server's queue. */
  async checkAll(prefix: string): Promise<void> {
    const begun = await this.api?.begin(prefix);
    await this.follow(begun?.ok === true ? begun.value.fleet : undefined, begun?.ok === false ? begun.error : null);
  }

  async checkOne(key: string): Promise<void> {
    const done = await this.api?.check(key);
    await this.follow(done?.ok === true ? done.value.fleet : undefined, done?.ok === false ? done.error : null);
  }

  /** The image as a file that can be opened. */
  remote(image: FleetImage): RemoteImage | null {
    return this.api?.remote(image) ?? null;
  }

  /** Watches a run until its end. */
  private async follow(id: string | undefined, problem: Problem | null): Promise<void> {
    clearTimeout(this.polls);
    const {api} = this;
    if (api === null) {
      return;
    }
    if (id === undefined) {
      this.change(() => ({problem}));
      if (problem === null) {
        await this.refresh();
      }
      return;
    }
    const run = await api.run(id);
    if (api !== this.api) {
      return;
    }
    this.change(() => (run.ok ? {run: run.value, problem: null} : {problem: run.error}));
    if (run.ok && run.value.state === 'finished') {
      await this.refresh();
    } else {
      this.polls = setTimeout(() => void this.follow(id, null), POLL_MS);
    }
  }

  private change(change: (now: SignedIn) => Partial<SignedIn>): void {
    this.state.update((now) => (now.step === 'signed-in' ? {...now, ...change(now)} : now));
  }
}
