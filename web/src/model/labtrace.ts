import type {LabStage, LabStructure} from '../protocol/protocol.gen';
import {LabActs} from '../protocol/protocol.gen';

export type LabAct = (typeof LabActs)[number];

/** One step of making a refcount structure. What the fields mean is said at the acts of the core. */
export interface Step {
  /** Its number in the whole trace, of which the middle may have been left out. */
  seq: number;
  act: LabAct;
  /** In which walk over the refcounts, 0 for none. */
  walk: number;
  /** The refblock, -1 if it is about none. */
  block: number;
  from: number;
  to: number;
  at: number;
  n: number;
}

/** So many numbers a step has. */
export const STEP_NUMBERS = 8;

/** What the steps lead from and to. */
interface TraceFrame {
  before: LabStructure;
  after: LabStructure;
  /** The host cluster of each old refblock: 0 if there is none, -1 if its entry leads nowhere. */
  oldTable: Float64Array;
  stages: readonly LabStage[];
  /** Clusters of the file, before or after, whichever are more. */
  clusters: number;
}

/** All steps that were kept. */
export class Trace {
  readonly length: number;
  /** The new refblocks that get a place, ascending. */
  readonly blocks: readonly number[];
  /** The picture ends here: behind all clusters of the file, and behind all that anything was placed at. */
  readonly end: number;
  private readonly order: ReadonlyMap<number, number>;

  constructor(
    private readonly numbers: Float64Array,
    readonly frame: TraceFrame,
  ) {
    this.length = Math.floor(numbers.length / STEP_NUMBERS);
    const blocks = new Set<number>();
    let end = frame.clusters;
    for (let i = 0; i < this.length; i++) {
      const {act, block, at, n} = this.step(i);
      if (act === 'place-block' || act === 'keep-block' || act === 'write-block') {
        blocks.add(block);
      }
      if (PLACES.has(act)) {
        end = Math.max(end, at + (TABLES.has(act) ? n : 1));
      }
    }
    this.blocks = [...blocks].sort((a, b) => a - b);
    this.order = new Map(this.blocks.map((block, i) => [block, i]));
    this.end = Math.max(1, end);
  }

  step(i: number): Step {
    const o = i * STEP_NUMBERS;
    const number = (k: number) => this.numbers[o + k] ?? 0;
    return {
      seq: number(0),
      act: LabActs[number(1)] ?? 'recount',
      walk: number(2),
      block: number(3),
      from: number(4),
      to: number(5),
      at: number(6),
      n: number(7),
    };
  }

  act(i: number): LabAct {
    return LabActs[this.numbers[i * STEP_NUMBERS + 1] ?? 0] ?? 'recount';
  }

  /** The index of a refblock among those that get a place, -1 if it is none of them. */
  indexOf(block: number): number {
    return this.order.get(block) ?? -1;
  }

  /** The stage that a step is in. */
  stageAt(i: number): LabStage | null {
    return this.frame.stages.findLast((stage) => stage.first <= i) ?? null;
  }
}

const TABLES: ReadonlySet<LabAct> = new Set<LabAct>(['place-table', 'write-table', 'grow-old-table', 'free-table']);
const PLACES: ReadonlySet<LabAct> = new Set<LabAct>([...TABLES, 'place-block', 'keep-block', 'write-block', 'create-old-block']);

/** What a step is, in a few words. */
export const ACT_LABELS: Record<LabAct, string> = {
  'begin-walk': 'Begin a walk',
  'begin-write-walk': 'Begin to write',
  'end-walk': 'End of the walk',
  'count-references': 'Count references',
  'compare-counts': 'Compare',
  'read-entries': 'Read refcounts',
  'skip-empty': 'Skip what is free',
  'place-block': 'Place a refblock',
  'keep-block': 'Keep its place',
  'drop-block': 'Leave a refblock out',
  'create-old-block': 'Add an old refblock',
  'grow-old-table': 'Move the old reftable',
  'place-table': 'Place the reftable',
  'free-table': 'Give the place back',
  'grow-table': 'Lengthen the reftable',
  'trim-table': 'Shorten the reftable',
  'write-block': 'Write a refblock',
  'write-table': 'Write the reftable',
  'switch-header': 'Switch the header',
  'free-old-block': 'Free an old refblock',
  'free-old-table': 'Free the old reftable',
  recount: 'Count again',
};
