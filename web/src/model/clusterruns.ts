import {cellOwner, cellSeverity, PAST_END} from './cells';
import type {Owner} from './owners';
import type {Severity} from './severity';

/** Neighbouring host clusters that look alike: the picture of the map as a line of a table. */
export interface ClusterRun {
  first: number;
  clusters: number;
  owner: Owner;
  severity: Severity;
}

/** Which runs a table shows. */
export type RunFilter = 'all' | 'trouble' | Owner;

/** Some runs, and where to go on; next is null at the end of the file. */
export interface RunPage {
  runs: ClusterRun[];
  next: number | null;
}

/** Clusters that are asked for at once while looking for runs. */
const STEP = 1 << 18;

/** Cells of one cluster each, from a cluster on; shorter at the end of the file. */
export type ReadCells = (first: number, cells: number) => Promise<Uint8Array>;

/** Up to `most` runs from a cluster on. A run that goes on beyond what was read is joined. */
export async function readRuns(
  read: ReadCells,
  clusters: number,
  first: number,
  filter: RunFilter,
  most: number,
): Promise<RunPage> {
  const runs: ClusterRun[] = [];
  let open: (ClusterRun & {cell: number}) | null = null;
  for (let at = first; at < clusters; at += STEP) {
    const cells = await read(at, Math.min(STEP, clusters - at));
    for (const [i, cell] of cells.entries()) {
      if (open !== null && open.cell === cell) {
        open.clusters++;
        continue;
      }
      if (open !== null) {
        keep(runs, open, filter);
        if (runs.length === most) {
          return {runs, next: at + i};
        }
      }
      if (cell === PAST_END) {
        return {runs, next: null};
      }
      open = {first: at + i, clusters: 1, owner: cellOwner(cell), severity: cellSeverity(cell), cell};
    }
  }
  if (open !== null) {
    keep(runs, open, filter);
  }
  return {runs, next: null};
}

function keep(runs: ClusterRun[], run: ClusterRun, filter: RunFilter): void {
  const wanted = filter === 'all' || (filter === 'trouble' ? run.severity !== 'none' : run.owner === filter);
  if (wanted) {
    runs.push({first: run.first, clusters: run.clusters, owner: run.owner, severity: run.severity});
  }
}
