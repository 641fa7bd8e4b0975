import {failure} from '../base/result';
import type {Result} from '../base/result';
import type {Op, Reply, Request} from '../protocol/ops';
import type {LayersAttachReply, OpenReply, Problem, Progress} from '../protocol/protocol.gen';
import type {EngineApi, EngineEvents} from './api';
import {newJournal, noted, stepsOf} from './journal';
import type {Beside, Journal} from './journal';
import {FIRST, LONG} from './operations';
import type {ImageFile} from './remote';
import {crashed, notStarted, stopped, unexpected} from './problems';

/** A worker with the core in it. */
export interface Port {
  api: EngineApi;
  /** Ends the worker at once, whatever it does. */
  end(): void;
}

/** Starts a worker; `broken` is called if its script cannot be loaded or fails. */
type Spawn = (broken: (detail: string) => void) => Port;

/** A worker that has not ended. When it ends, `death` tells why and every call that waits for it fails. */
interface Live {
  port: Port;
  /** The core runs, and has been brought to where an earlier one was. */
  ready: Promise<Result<unknown, Problem>>;
  death: Promise<{ok: false; error: Problem}>;
  kill(why: Problem): void;
  /** It has all operations, not only the first. */
  whole: boolean;
  /** Calls that are not answered yet; one that another has taken the place of ends after the last. */
  calls: number;
  left: boolean;
}

/** Where the core is: all of it, and a part that is loaded sooner and knows the first operations only. */
interface Wasm {
  first: string;
  whole: string;
}

/** After this the worker is ended instead of asked. */
const PATIENCE_MS = 200;

/** When nothing was asked for so long, what there is to see has been drawn. */
export const QUIET_MS = 400;

/**
 * The page's end of the core. Every call is answered, if need be with a Problem: when the core crashes it is started
 * again for the next call and brought to where it was; `onRestart` says so.
 */
export class Engine {
  onProgress: (progress: Progress) => void = () => undefined;
  onRestart: (why: Problem) => void = () => undefined;

  private live: Live | null = null;
  private journal: Journal | null = null;
  /** Why the last worker ended, if it was not on purpose and nothing has been called since. */
  private lost: Problem | null = null;
  /** The last of the operations that may take long, and how many are not yet answered. */
  private running: Promise<unknown> = Promise.resolve();
  private runs = 0;
  /** The worker with the whole core that is to take the place of the first. */
  private next: Live | null = null;
  /** It has been told of the file, and is being brought to where the first is. */
  private growing = false;
  /** Runs out when nothing is asked of the first worker; null once it has, for this file. */
  private quiet: ReturnType<typeof setTimeout> | undefined | null;

  constructor(
    private readonly spawn: Spawn,
    private readonly wasm: Wasm,
  ) {}

  /** Starts the core before it is needed. */
  warmUp(): void {
    this.live ??= this.startWorker(false);
  }

  /**
   * Opens a file, in the worker that is there: it may not be possible to load another, when the computer has gone
   * offline. What still runs for an earlier file is stopped first.
   */
  async open(file: ImageFile): Promise<Result<OpenReply, Problem>> {
    await this.cancel();
    if (this.growing) {
      this.dropNext();
    }
    this.journal = newJournal(file);
    this.lost = null;
    clearTimeout(this.quiet ?? undefined);
    this.quiet = undefined;
    const live = (this.live ??= this.startWorker(false));
    return this.track(this.openIn(live, file));
  }

  /** Forgets the file and stops what is still going on with it. */
  close(): void {
    this.journal = null;
    void this.cancel();
  }

  /** Closes the file and ends the worker. */
  end(): void {
    this.close();
    this.dropNext();
    if (this.live !== null) {
      this.discard(this.live, stopped());
    }
  }

  call<K extends Op>(op: K, request: Request<K>): Promise<Result<Reply<K>, Problem>> {
    const call = this.ask(op, request);
    return LONG.has(op) ? this.track(call) : call;
  }

  /** Gives a file that the image, or a file below it, names. */
  async attachBeside(file: File, link: number, data: boolean): Promise<Result<LayersAttachReply, Problem>> {
    const live = await this.usable(false);
    const {journal} = this;
    if (!live.ok || journal === null) {
      return live.ok ? failure(stopped()) : live;
    }
    const number = 1 + Math.max(0, ...journal.beside.map(({request}) => request.file));
    const beside: Beside = {file, request: {file: number, name: file.name, size: file.size, link, data}};
    const reply = await this.attachIn(live.value, beside);
    if (reply.ok && reply.value.attached && this.journal?.file === journal.file) {
      this.journal = {...this.journal, beside: [...this.journal.beside, beside]};
    }
    return reply;
  }

  async repaired(): Promise<Result<Blob, Problem>> {
    const live = await this.usable(false);
    return live.ok ? this.answer(live.value, live.value.port.api.repaired()) : live;
  }

  /** Stops the running operation: asks first, and ends the worker if it does not listen. */
  async cancel(): Promise<void> {
    const live = this.live;
    if (live === null || this.runs === 0) {
      return;
    }
    const growing = this.growing ? this.next : null;
    void live.port.api.cancel();
    void growing?.port.api.cancel();
    let settled = await this.settles(PATIENCE_MS);
    if (!settled && growing !== null) {
      this.dropNext();
      settled = await this.settles(0);
    }
    if (!settled) {
      this.discard(live, stopped());
    }
  }

  /** Whether what may be stopped ends within a time. */
  private settles(ms: number): Promise<boolean> {
    return Promise.race([
      this.running.then(() => true),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), ms)),
    ]);
  }

  private async ask<K extends Op>(op: K, request: Request<K>): Promise<Result<Reply<K>, Problem>> {
    const live = await this.usable(FIRST.has(op) && !(this.growing && op === 'check'));
    if (!live.ok) {
      return live;
    }
    const file = this.journal?.file;
    const reply = await this.answer(live.value, live.value.port.api.call(op, request));
    if (reply.ok && this.journal !== null && this.journal.file === file) {
      this.journal = noted(this.journal, op, request);
      this.prepareNext();
    }
    return reply;
  }

  private startWorker(whole: boolean): Live {
    let tellDeath: (death: {ok: false; error: Problem}) => void = () => undefined;
    const death = new Promise<{ok: false; error: Problem}>((resolve) => {
      tellDeath = resolve;
    });
    const end = (why: Problem) => {
      tellDeath(failure(why));
      port.end();
    };
    const die = (why: Problem) => {
      end(why);
      if (this.live === live) {
        this.live = null;
        this.lost = why;
      }
      if (this.next === live) {
        this.next = null;
        this.growing = false;
      }
    };
    const port = this.spawn((detail) => die(notStarted(detail)));
    const events: EngineEvents = {
      progress: (progress) => this.onProgress(progress),
      ended: (exitCode, lastWords) => die(crashed(exitCode, lastWords)),
    };
    const ready = settle(port.api.start(whole ? this.wasm.whole : this.wasm.first, events));
    const all = whole || this.wasm.first === this.wasm.whole;
    const live: Live = {port, ready, death, kill: end, whole: all, calls: 0, left: false};
    return live;
  }

  private async openIn(live: Live, file: ImageFile): Promise<Result<OpenReply, Problem>> {
    const ready = await Promise.race([live.ready, live.death]);
    if (!ready.ok) {
      return ready;
    }
    await Promise.race([live.port.api.attach(file), live.death]);
    return race(live, live.port.api.call('open', {name: file.name}));
  }

  /** The worker; if the last one was lost, a new one that has been brought to where it was. */
  private async usable(first: boolean): Promise<Result<Live, Problem>> {
    if (this.live === null && this.journal === null) {
      return failure(stopped());
    }
    const now = (this.live ??= this.restart());
    const live = first || now.whole ? now : this.grow(now);
    const ready = await Promise.race([live.ready, live.death]);
    if (!ready.ok) {
      this.discard(live, ready.error);
      return ready;
    }
    return {ok: true, value: live};
  }

  /**
   * Starts to load the whole core, once there is something to see, and brings it to where the first is when that is
   * no longer asked for anything: what needs it then does not wait for another check of the image.
   */
  private prepareNext(): void {
    if (this.live?.whole !== false || (this.journal?.checked ?? null) === null) {
      return;
    }
    this.next ??= this.startWorker(true);
    if (this.quiet !== null) {
      clearTimeout(this.quiet);
      this.quiet = setTimeout(() => this.growUnasked(), QUIET_MS);
    }
  }

  private growUnasked(): void {
    const {live} = this;
    if (live === null || live.whole || live.calls > 0 || this.next === null) {
      return;
    }
    this.quiet = null;
    this.grow(live);
  }

  /** The worker with the whole core. It takes the first one's place when it is where that is. */
  private grow(first: Live): Live {
    const next = (this.next ??= this.startWorker(true));
    if (!this.growing && this.journal !== null) {
      this.growing = true;
      next.ready = this.replay({...next}, this.journal);
      void Promise.race([next.ready, next.death]).then((replayed) => {
        if (this.next !== next) {
          return;
        }
        this.next = null;
        this.growing = false;
        if (replayed.ok && this.live === first) {
          this.live = next;
          this.leave(first);
        } else {
          next.kill(stopped());
        }
      });
    }
    return next;
  }

  /** What was asked of a worker that is left is still answered. */
  private leave(live: Live): void {
    live.left = true;
    if (live.calls === 0) {
      live.port.end();
    }
  }

  private dropNext(): void {
    this.next?.kill(stopped());
    this.next = null;
    this.growing = false;
  }

  private answer<T>(live: Live, reply: Promise<Result<T, Problem>>): Promise<Result<T, Problem>> {
    live.calls++;
    return race(live, reply).finally(() => {
      live.calls--;
      if (live.left) {
        this.leave(live);
      }
    });
  }

  private restart(): Live {
    const {journal, lost} = this;
    const live = this.startWorker(journal !== null && (journal.applied.length > 0 || journal.beside.length > 0 || journal.planned.size > 0));
    if (journal !== null) {
      // The copy waits for the start alone, not for itself.
      live.ready = this.replay({...live}, journal).then((replayed) => {
        if (replayed.ok && lost !== null) {
          this.onRestart(lost);
        }
        return replayed;
      });
    }
    this.lost = null;
    return live;
  }

  private async attachIn(live: Live, {file, request}: Beside): Promise<Result<LayersAttachReply, Problem>> {
    await Promise.race([live.port.api.attachBeside(request.file, file), live.death]);
    return race(live, live.port.api.call('layersAttach', request));
  }

  private discard(live: Live, why: Problem): void {
    live.kill(why);
    if (this.live === live) {
      this.live = null;
    }
  }

  private async replay(live: Live, journal: Journal): Promise<Result<unknown, Problem>> {
    const {api} = live.port;
    const opened = await this.openIn(live, journal.file);
    if (!opened.ok) {
      return opened;
    }
    for (const beside of journal.beside) {
      const attached = await this.attachIn(live, beside);
      if (!attached.ok) {
        return attached;
      }
    }
    if (journal.checked === null) {
      return opened;
    }
    for (const [op, request] of stepsOf(journal)) {
      const done = await race(live, api.call(op, request as Request<Op>));
      if (!done.ok) {
        return done;
      }
    }
    return opened;
  }

  private track<T>(call: Promise<T>): Promise<T> {
    this.runs++;
    const tracked = call.finally(() => this.runs--);
    this.running = tracked;
    return tracked;
  }
}

/** The reply, or why the worker ended before it came. */
function race<T>(live: Live, reply: Promise<Result<T, Problem>>): Promise<Result<T, Problem>> {
  return Promise.race([settle(reply), live.death]);
}

function settle<T>(reply: Promise<Result<T, Problem>>): Promise<Result<T, Problem>> {
  return reply.catch((error: unknown) => failure(unexpected(error)));
}
