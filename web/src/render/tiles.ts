import type {Result} from '../base/result';
import type {Problem, TileRequest} from '../protocol/protocol.gen';

/** Asks the core for cells. */
export type ReadTile = (request: TileRequest) => Promise<Result<Uint8Array, Problem>>;

const PAGE_BITS = 14;
const PAGE_CELLS = 1 << PAGE_BITS;
const MOST_PAGES = 512;
const IN_FLIGHT = 2;

interface Wanted {
  perCell: number;
  from: number;
  to: number;
}

/**
 * Cells of the map that have been read, in pages, the pages used last kept. One cache belongs to one state of one
 * image; a page that cannot be read is not asked for again.
 */
export class TileCache {
  private readonly pages = new Map<string, Uint8Array | 'failed'>();
  private readonly asked = new Set<string>();
  private wanted: Wanted = {perCell: 1, from: 0, to: 0};

  /** @param loaded called when cells have come that were not there before */
  constructor(
    private readonly read: ReadTile,
    private readonly clusters: number,
    private readonly loaded: (problem: Problem | null) => void,
  ) {}

  /** The byte of a cell, null while it is not known. */
  cell(perCell: number, cell: number): number | null {
    const page = this.pages.get(keyOf(perCell, cell >> PAGE_BITS));
    return page === undefined || page === 'failed' ? null : (page[cell & (PAGE_CELLS - 1)] ?? null);
  }

  /** Says which cells are on screen: these are read next, and no others. */
  want(perCell: number, from: number, to: number): void {
    this.wanted = {perCell, from, to};
    this.pump();
  }

  private pump(): void {
    const {perCell, from, to} = this.wanted;
    for (let page = from >> PAGE_BITS; page << PAGE_BITS < to && this.asked.size < IN_FLIGHT; page++) {
      const key = keyOf(perCell, page);
      const known = this.pages.get(key);
      if (known !== undefined) {
        // Put last, so that it is dropped last.
        this.pages.delete(key);
        this.pages.set(key, known);
      } else if (!this.asked.has(key)) {
        this.asked.add(key);
        void this.load(key, perCell, page);
      }
    }
  }

  private async load(key: string, perCell: number, page: number): Promise<void> {
    const first = page * PAGE_CELLS * perCell;
    const cells = Math.min(PAGE_CELLS, Math.ceil((this.clusters - first) / perCell));
    const reply = await this.read({first, perCell, cells});
    this.asked.delete(key);
    this.pages.set(key, reply.ok ? reply.value : 'failed');
    const [oldest] = this.pages.keys();
    if (this.pages.size > MOST_PAGES && oldest !== undefined) {
      this.pages.delete(oldest);
    }
    this.loaded(reply.ok ? null : reply.error);
    this.pump();
  }
}

function keyOf(perCell: number, page: number): string {
  return `${perCell}:${page}`;
}
