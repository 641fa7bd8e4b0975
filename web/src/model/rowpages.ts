import type {Result} from '../base/result';
import type {Problem} from '../protocol/protocol.gen';

/** Rows that are asked for at a time: as many as the core gives. */
export const ROWS_A_PAGE = 100;
const KEPT_PAGES = 40;

/** Reads rows of a long list. */
export type ReadRows<T> = (from: number, count: number) => Promise<Result<readonly T[], Problem>>;

/**
 * The rows of a list of any length that were looked at last. One page is read at a time, and only those that are wanted
 * now: whoever drags through a million rows asks for those at which he stops.
 */
export class RowPages<T> {
  private readonly kept = new Map<number, readonly T[]>();
  private wanted: number[] = [];
  private reading = false;
  /** Why the last page could not be read. */
  problem: Problem | null = null;

  constructor(
    readonly rows: number,
    private readonly read: ReadRows<T>,
    private readonly arrived: () => void,
  ) {}

  get(row: number): T | undefined {
    return this.kept.get(Math.floor(row / ROWS_A_PAGE))?.[row % ROWS_A_PAGE];
  }

  /** Asks for the rows of [from, to), and drops all wishes before. */
  want(from: number, to: number): void {
    this.wanted = [];
    const first = Math.floor(Math.max(0, from) / ROWS_A_PAGE);
    for (let page = first; page * ROWS_A_PAGE < Math.min(to, this.rows); page++) {
      const rows = this.kept.get(page);
      if (rows === undefined) {
        this.wanted.push(page);
      } else {
        // What is looked at is the last to be forgotten.
        this.kept.delete(page);
        this.kept.set(page, rows);
      }
    }
    void this.run();
  }

  private async run(): Promise<void> {
    if (this.reading) {
      return;
    }
    this.reading = true;
    for (let page = this.wanted.shift(); page !== undefined; page = this.wanted.shift()) {
      const from = page * ROWS_A_PAGE;
      const reply = await this.read(from, Math.min(ROWS_A_PAGE, this.rows - from));
      this.problem = reply.ok ? null : reply.error;
      if (reply.ok) {
        this.keep(page, reply.value);
      }
      this.arrived();
    }
    this.reading = false;
  }

  private keep(page: number, rows: readonly T[]): void {
    this.kept.set(page, rows);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT_PAGES) {
        break;
      }
      this.kept.delete(oldest);
    }
  }
}
