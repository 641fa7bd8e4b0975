import type {CrashRequest, PlanRequest} from '../protocol/protocol.gen';
import {parseSize} from './writerange';

/** Which change is to be interrupted, and how closely that is looked at. */
export interface CrashChoice {
  kind: 'repair' | 'width' | 'write';
  repair: PlanRequest;
  bits: number;
  /** As they were typed. */
  offset: string;
  length: string;
  flushes: 'qemu' | 'none';
  states: number;
  seed: number;
}

export const STATES = [200, 1000, 5000] as const;

/** The repair when none is planned. */
const RECOMMENDED: PlanRequest = {scope: 'all', accept: [], leave: [], redirect: false};

/** The choice to begin with: a repair if one would help; else a write of the guest at the offset. */
export function firstChoice(repairable: boolean, refcountBits: number, offset: string): CrashChoice {
  return {
    kind: repairable ? 'repair' : 'write',
    repair: RECOMMENDED,
    bits: refcountBits === 64 ? 16 : 64,
    offset,
    length: '8K',
    flushes: 'qemu',
    states: 200,
    seed: 1,
  };
}

/** The choice with the repair that is planned now, if there is one. Both ways to do it are looked at anyway. */
export function followed(choice: CrashChoice, plan: PlanRequest | null): CrashChoice {
  return plan === null ? choice : {...choice, repair: {...plan, redirect: false}};
}

/** What the core is asked for; null if the range of a write is no range. */
export function crashRequest(choice: CrashChoice): CrashRequest | null {
  const {kind, repair, bits, flushes, states, seed} = choice;
  const [offset, length] = kind === 'write' ? [parseSize(choice.offset), parseSize(choice.length)] : [0, 1];
  if (offset === null || length === null || length < 1) {
    return null;
  }
  const write = {offset, length, kind: 'write', unmap: false, fill: 0xc5};
  return {kind, repair, bits, write, flushes, states, seed};
}
