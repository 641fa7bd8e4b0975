import {parseOffset} from '../base/units';
import type {CrashRequest, PlanRequest} from '../protocol/protocol.gen';

/** Which change is to be interrupted, and how closely that is looked at. */
export interface CrashChoice {
  kind: 'repair' | 'width' | 'write';
  scope: string;
  accept: readonly string[];
  bits: number;
  /** As they were typed. */
  offset: string;
  length: string;
  flushes: 'qemu' | 'none';
  states: number;
  seed: number;
}

export const STATES = [200, 1000, 5000] as const;

/** The choice to begin with: the plan that is open; else a repair if one would help; else a write of the guest at the offset. */
export function firstChoice(plan: PlanRequest | null, repairable: boolean, refcountBits: number, offset: string): CrashChoice {
  return {
    kind: plan !== null || repairable ? 'repair' : 'write',
    scope: plan?.scope ?? 'all',
    accept: plan?.accept ?? [],
    bits: refcountBits === 64 ? 16 : 64,
    offset,
    length: '0x2000',
    flushes: 'qemu',
    states: 200,
    seed: 1,
  };
}

/** What the core is asked for; null if the range of a write is no range. */
export function crashRequest(choice: CrashChoice): CrashRequest | null {
  const {kind, scope, accept, bits, flushes, states, seed} = choice;
  const [offset, length] = kind === 'write' ? [parseOffset(choice.offset), parseOffset(choice.length)] : [0, 1];
  if (offset === null || length === null || length < 1) {
    return null;
  }
  const write = {offset, length, kind: 'write', unmap: false, fill: 0xc5};
  return {kind, scope, accept: [...accept], bits, write, flushes, states, seed};
}
