import type {WriteRequest} from '../protocol/protocol.gen';

/** What is picked in the simulator of guest writes. It outlives the changes that are applied: one goes on from there. */
export interface Picked {
  /** null: nobody has picked anything yet. */
  request: WriteRequest | null;
  /** The guest cluster that is shown large. */
  cluster: number;
}

export const NOTHING_PICKED: Picked = {request: null, cluster: 0};

/** The byte that the guest writes unless told otherwise. */
export const USUAL_FILL = 0x5a;
