import type {Op, Request} from '../protocol/ops';
import type {CheckRequest, LayersAttachRequest, LayersDetachRequest} from '../protocol/protocol.gen';
import {APPLIES, PLANS} from './operations';
import type {ImageFile} from './remote';

/** What a new worker must do to be where the old one was. */
export interface Journal {
  file: ImageFile;
  /** The files beside the image that were given and not taken away, in order. */
  beside: readonly Beside[];
  checked: CheckRequest | null;
  /** The plans that were made last, by the operation that made them. */
  planned: ReadonlyMap<Op, unknown>;
  /** What was applied and not undone, in order: how each was planned, and what applied it. */
  applied: readonly {plan: Op; planned: unknown; apply: Op; request: unknown}[];
}

/** A file beside the image, and what of the chain it is. */
export interface Beside {
  file: File;
  request: LayersAttachRequest;
}

export function newJournal(file: ImageFile): Journal {
  return {file, beside: [], checked: null, planned: new Map(), applied: []};
}

/** The journal after an operation that was done. */
export function noted<K extends Op>(journal: Journal, op: K, request: Request<K>): Journal {
  const plan = APPLIES.get(op);
  if (op === 'check') {
    return {...journal, checked: request as CheckRequest};
  }
  if (op === 'layersDetach') {
    const beside = journal.beside.filter((given) => !takesAway(request as LayersDetachRequest, given.request));
    return {...journal, beside};
  }
  if (PLANS.has(op)) {
    return {...journal, planned: new Map([...journal.planned, [op, request]])};
  }
  if (plan !== undefined) {
    const applied = [...journal.applied, {plan, planned: journal.planned.get(plan), apply: op, request}];
    return {...journal, applied, planned: new Map()};
  }
  return op === 'undo' ? {...journal, applied: journal.applied.slice(0, -1), planned: new Map()} : journal;
}

/** The operations that bring a worker which has opened the file and was given those beside it to where the old one was. */
export function stepsOf({checked, applied, planned}: Journal): [Op, unknown][] {
  if (checked === null) {
    return [];
  }
  const again = applied.flatMap((done): [Op, unknown][] => [[done.plan, done.planned], [done.apply, done.request]]);
  return [['check', checked], ...again, ...planned];
}

/** A backing file goes with all below it. */
function takesAway(detach: LayersDetachRequest, {link, data}: LayersAttachRequest): boolean {
  if (detach.data) {
    return data && link === detach.link;
  }
  return data ? link > detach.link : link >= detach.link;
}
