import type {Result} from '../base/result';
import type {HexField, HexKind, HexReply, Problem} from '../protocol/protocol.gen';
import {bytesOf, offsetOf} from './hexgrid';
import {kindNamed} from './hexkinds';

/** Bytes that are asked for at a time. */
export const PAGE_BYTES = 1024;
const KEPT_PAGES = 96;

/** A field with its place as numbers. */
export interface PageField {
  field: HexField;
  kind: HexKind;
  start: bigint;
  end: bigint;
}

/** A page of one side of the file. */
export interface HexPage {
  start: bigint;
  bytes: Uint8Array;
  /** The same on the opposite side of a plan; null when there is none. */
  twin: Uint8Array | null;
  fields: readonly PageField[];
  /** For each byte the index of its field, or -1. */
  fieldAt: Int16Array;
}

/** A byte and all that its cell shows. */
export interface HexByte {
  value: number;
  field: PageField | null;
  /** The opposite side has another byte here, or none. */
  changed: boolean;
}

export type PageAnswer = {step: 'loaded'; page: HexPage} | {step: 'failed'; problem: Problem};

export function pageOf(start: bigint, reply: HexReply): HexPage {
  const bytes = bytesOf(reply.bytes);
  const fields = reply.fields.map(placed);
  const fieldAt = new Int16Array(bytes.length).fill(-1);
  fields.forEach((field, index) => {
    const from = Number(field.start > start ? field.start - start : 0n);
    const length = field.end - start;
    fieldAt.fill(index, from, length > BigInt(bytes.length) ? bytes.length : Number(length));
  });
  return {start, bytes, twin: reply.plan === '' ? null : bytesOf(reply.twin), fields, fieldAt};
}

export function placed(field: HexField): PageField {
  const start = offsetOf(field.offset) ?? 0n;
  return {field, kind: kindNamed(field.kind), start, end: start + BigInt(field.length)};
}

/** The byte at an offset of the page; null where this side has none. */
export function byteAt(page: HexPage, offset: bigint): HexByte | null {
  const i = Number(offset - page.start);
  const value = page.bytes[i];
  if (value === undefined) {
    return null;
  }
  return {
    value,
    field: page.fields[page.fieldAt[i] ?? -1] ?? null,
    changed: page.twin !== null && page.twin[i] !== value,
  };
}

type PlanState = '' | 'planned' | 'applied';

function planState(name: string): PlanState {
  return name === 'planned' || name === 'applied' ? name : '';
}

/** Reads a page of the core; `other` asks for the other side. */
type ReadPage = (start: bigint, other: boolean) => Promise<Result<HexReply, Problem>>;

/**
 * The pages that were read last. One is read at a time, and only those that are wanted now: whoever scrolls through a
 * gigabyte asks for what he stops at.
 */
export class HexPages {
  private readonly kept = new Map<string, PageAnswer>();
  private wanted: {start: bigint; other: boolean}[] = [];
  /** The page that is being read. */
  private reading: string | null = null;

  /** Bytes of the longer side, as far as that is known. */
  size: bigint;
  /** What makes the two sides: a plan that is made, or applied changes. */
  plan: PlanState = '';

  constructor(
    fileSize: number,
    private readonly read: ReadPage,
    private readonly arrived: () => void,
  ) {
    this.size = BigInt(fileSize);
  }

  get(offset: bigint, other: boolean): PageAnswer | undefined {
    return this.kept.get(keyOf(pageStart(offset), other));
  }

  /** Asks for the pages of [from, to), and drops all wishes before. */
  want(from: bigint, to: bigint, other: boolean): void {
    this.wanted = [];
    for (let start = pageStart(from); start < to; start += BigInt(PAGE_BYTES)) {
      const key = keyOf(start, other);
      const answer = this.kept.get(key);
      if (answer === undefined && key !== this.reading) {
        this.wanted.push({start, other});
      } else if (answer !== undefined) {
        // What is looked at is the last to be forgotten.
        this.kept.delete(key);
        this.kept.set(key, answer);
      }
    }
    void this.run();
  }

  /** Forgets what could not be read, so that it is tried again. */
  retry(): void {
    for (const [key, answer] of this.kept) {
      if (answer.step === 'failed') {
        this.kept.delete(key);
      }
    }
  }

  private async run(): Promise<void> {
    if (this.reading !== null) {
      return;
    }
    for (let next = this.wanted.shift(); next !== undefined; next = this.wanted.shift()) {
      const key = keyOf(next.start, next.other);
      this.reading = key;
      const reply = await this.read(next.start, next.other);
      if (reply.ok) {
        this.size = BigInt(reply.value.size);
        this.plan = planState(reply.value.plan);
      }
      this.keep(
        key,
        reply.ok ? {step: 'loaded', page: pageOf(next.start, reply.value)} : {step: 'failed', problem: reply.error},
      );
    }
    this.reading = null;
  }

  private keep(key: string, answer: PageAnswer): void {
    this.kept.set(key, answer);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT_PAGES) {
        break;
      }
      this.kept.delete(oldest);
    }
    this.arrived();
  }
}

export function pageStart(offset: bigint): bigint {
  return offset - (offset % BigInt(PAGE_BYTES));
}

function keyOf(start: bigint, other: boolean): string {
  return `${start} ${other ? 1 : 0}`;
}
