import {joinRuns, requestLength} from '../model/reads';
import type {ReadLimits, Run, Wanted} from '../model/reads';
import type {ReadRanges} from './reader';

const MIB = 1 << 20;

/**
 * Chromium pays for each range that is read, in one thread of its own that serves all tabs: about as much as for
 * half a MiB of bytes. So close ranges are read as one, and ranges far apart are gathered into one Blob.
 */
export const LIMITS: ReadLimits = {gap: MIB / 4, run: 8 * MIB, runs: 64, bytes: 8 * MIB};

const IN_FLIGHT = 4;

/** What the core is told about a finished read. */
export const DONE = 0;
export const UNREADABLE = 1;
export const FAILED = 2;
export type ReadCode = typeof DONE | typeof UNREADABLE | typeof FAILED;

/** A record of the core's list: float64 offset, uint32 pointer, uint32 length, little endian. */
const RECORD = 16;

/** One call of the core, which may be spread over several requests to the browser. */
interface Ticket {
  id: number;
  /** Runs that are not read yet. */
  left: number;
  code: ReadCode;
}

interface Queued extends Run {
  ticket: Ticket;
}

/**
 * Reads ranges of the file into the core's memory. Only numbers cross the boundary: an ArrayBuffer that the core held
 * would live until the core's garbage collector ran, which knows nothing of its size.
 */
export class FileHost {
  private queue: Queued[] = [];
  private inFlight = 0;
  private woken = false;

  /**
   * @param fileSize what lies behind it is not read
   * @param memory the core's memory; asked for anew each time, since growing it replaces the buffer
   * @param done tells the core that all ranges of a call are in its memory, or why not
   */
  constructor(
    private readonly fileSize: number,
    private readonly readRanges: ReadRanges,
    private readonly memory: () => ArrayBuffer,
    private readonly done: (id: number, code: ReadCode) => void,
  ) {}

  /** Starts to read `count` ranges that are listed at `pointer` in the core's memory. Never calls `done` before it returns. */
  start(id: number, pointer: number, count: number): void {
    const runs = joinRuns(this.decode(pointer, count), this.fileSize, LIMITS);
    const ticket: Ticket = {id, left: runs.length, code: DONE};
    if (runs.length === 0) {
      queueMicrotask(() => {
        this.done(id, DONE);
      });
      return;
    }
    this.queue.push(...runs.map((run) => ({...run, ticket})));
    this.wake();
  }

  /** Bytes outside the file are not written, so their ranges may be dropped. */
  private decode(pointer: number, count: number): Wanted[] {
    const view = new DataView(this.memory(), pointer, count * RECORD);
    return Array.from({length: count}, (_, i) => ({
      offset: view.getFloat64(i * RECORD, true),
      pointer: view.getUint32(i * RECORD + 8, true),
      length: view.getUint32(i * RECORD + 12, true),
    }));
  }

  /** Requests are made once the core has said all that it wants at this moment. */
  private wake(): void {
    if (!this.woken) {
      this.woken = true;
      queueMicrotask(() => {
        this.woken = false;
        this.pump();
      });
    }
  }

  private pump(): void {
    while (this.inFlight < IN_FLIGHT && this.queue.length > 0) {
      const runs = this.queue.splice(0, requestLength(this.queue, LIMITS));
      this.inFlight++;
      void this.read(runs).then((code) => {
        this.inFlight--;
        this.settle(runs, code);
        this.pump();
      });
    }
  }

  private async read(runs: Queued[]): Promise<ReadCode> {
    try {
      const bytes = await this.readRanges(runs.map(({start, end}) => ({start, end})));
      this.scatter(runs, bytes);
      return DONE;
    } catch (error) {
      return error instanceof Error && error.name === 'NotReadableError' ? UNREADABLE : FAILED;
    }
  }

  private scatter(runs: Run[], bytes: ArrayBuffer): void {
    const memory = this.memory();
    let base = 0;
    for (const run of runs) {
      for (const {offset, pointer, length} of run.wanted) {
        const within = Math.min(length, run.end - offset);
        new Uint8Array(memory, pointer, within).set(new Uint8Array(bytes, base + offset - run.start, within));
      }
      base += run.end - run.start;
    }
  }

  private settle(runs: Queued[], code: ReadCode): void {
    for (const {ticket} of runs) {
      ticket.left--;
      ticket.code = ticket.code === DONE ? code : ticket.code;
      if (ticket.left === 0) {
        this.done(ticket.id, ticket.code);
      }
    }
  }
}
