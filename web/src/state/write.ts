import type {WriteEvent, WriteRequest} from '../protocol/protocol.gen';
import type {Controller} from './controller';
import {Store} from './store';

/** What is picked in the simulator of guest writes. It outlives the changes that are applied: one goes on from there. */
export interface Picked {
  /** null: nobody has picked anything yet. */
  request: WriteRequest | null;
  /** The guest cluster that is shown large. */
  cluster: number;
}

const NOTHING: Picked = {request: null, cluster: 0};

/** The byte that the guest writes unless told otherwise. */
export const USUAL_FILL = 0x5a;

/** The guest's writes: which one is picked, and those that are applied. */
export class Writing {
  readonly picked = new Store<Picked>(NOTHING);
  /** Grows whenever a file beside the image is given or taken away: what is copied may come from it. */
  readonly besides = new Store(0);

  constructor(private readonly controller: Controller) {
    controller.session.subscribe(() => {
      const {step} = controller.session.value;
      if (step === 'opening' || step === 'empty' || step === 'failed') {
        this.picked.set(NOTHING);
      }
    });
  }

  /** Applies one request of the guest. */
  async apply(write: WriteRequest, words: string): Promise<void> {
    await this.controller.applyChange({kind: 'write', words, requests: [write]}, 'writeApply', {write, redirect: this.controller.view.value.redirect});
  }

  /** Applies writes that were in flight at once, and are all done. */
  async applyQueue(events: WriteEvent[]): Promise<void> {
    const requests = events.filter(({finish}) => finish === 0).map(({write}) => write);
    const words = `${requests.length} writes that were in flight at once`;
    await this.controller.applyChange({kind: 'write', words, requests}, 'writeQueueApply', {events});
  }
}
