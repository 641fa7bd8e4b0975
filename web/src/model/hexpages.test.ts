import {describe, expect, it, vi} from 'vitest';
import {failure, ok} from '../base/result';
import type {Result} from '../base/result';
import {HexKinds} from '../protocol/protocol.gen';
import type {HexField, HexReply, Problem} from '../protocol/protocol.gen';
import {familyOf, KIND_FACTS, kindNamed} from './hexkinds';
import {byteAt, HexPages, PAGE_BYTES, pageOf, pageStart} from './hexpages';

function field(offset: bigint, length: number): HexField {
  return {
    offset: `0x${offset.toString(16)}`,
    length,
    kind: 'data',
    name: `at ${offset}`,
    value: '',
    isText: false,
    meaning: '',
    to: '',
    toName: '',
    severity: '',
  };
}

function reply(change: Partial<HexReply>): HexReply {
  return {size: '0x100000', plan: '', bytes: '', twin: '', fields: [], ...change};
}

describe('a page', () => {
  const start = 1n << 60n;

  it('knows the field of each byte, also of fields that begin before it and end behind it', () => {
    const page = pageOf(start, reply({bytes: '0102030405', fields: [field(start - 7n, 8), field(start + 1n, 2), field(start + 3n, 1 << 30)]}));
    const names = [0n, 1n, 2n, 3n, 4n].map((i) => byteAt(page, start + i)?.field?.field.name);
    expect(names).toEqual([`at ${start - 7n}`, `at ${start + 1n}`, `at ${start + 1n}`, `at ${start + 3n}`, `at ${start + 3n}`]);
    expect(byteAt(page, start + 4n)?.value).toBe(5);
    expect(byteAt(page, start + 5n)).toBeNull();
  });

  it('marks what the opposite side has otherwise, or not at all', () => {
    const changed = (change: Partial<HexReply>) => {
      const page = pageOf(0n, reply({bytes: '010203', ...change}));
      return [0n, 1n, 2n].map((i) => byteAt(page, i)?.changed);
    };
    expect(changed({})).toEqual([false, false, false]);
    expect(changed({plan: 'planned', twin: '01ff03'})).toEqual([false, true, false]);
    expect(changed({plan: 'applied', twin: '01'})).toEqual([false, true, true]);
    expect(changed({plan: 'applied', twin: ''})).toEqual([true, true, true]);
  });
});

describe('the pages', () => {
  const problem: Problem = {kind: 'read', title: 'x', where: '', advice: '', detail: ''};

  function pages() {
    const asked: [bigint, boolean][] = [];
    const answers: ((value: Result<HexReply, Problem>) => void)[] = [];
    const arrived = vi.fn();
    const read = (start: bigint, other: boolean) => {
      asked.push([start, other]);
      return new Promise<Result<HexReply, Problem>>((resolve) => answers.push(resolve));
    };
    const all = new HexPages(4096, read, arrived);
    const answer = async (value: Result<HexReply, Problem>) => {
      answers.shift()?.(value);
      await Promise.resolve();
      await Promise.resolve();
    };
    return {all, asked, answer, arrived};
  }

  it('are read one at a time, and only those that are wanted now', async () => {
    const {all, asked, answer, arrived} = pages();
    const at = (index: bigint) => index * BigInt(PAGE_BYTES);
    all.want(at(0n), at(3n), false);
    all.want(at(500n), at(501n) + 1n, false);
    expect(asked).toEqual([[0n, false]]);
    expect([all.size, all.plan]).toEqual([4096n, '']);
    await answer(ok(reply({bytes: '00', plan: 'planned'})));
    expect([all.size, all.plan]).toEqual([0x100000n, 'planned']);
    await answer(ok(reply({bytes: '01'})));
    await answer(ok(reply({bytes: '02'})));
    expect(asked).toEqual([
      [0n, false],
      [at(500n), false],
      [at(501n), false],
    ]);
    expect(arrived).toHaveBeenCalledTimes(3);
    expect(all.get(5n, false)?.step).toBe('loaded');
    expect(all.get(5n, true)).toBeUndefined();
    expect(all.get(at(1n), false)).toBeUndefined();
    all.want(at(500n), at(501n), false);
    expect(asked).toHaveLength(3);
  });

  it('are not asked for twice while they are being read', () => {
    const {all, asked} = pages();
    all.want(0n, 1n, false);
    all.want(0n, 1n, false);
    expect(asked).toHaveLength(1);
  });

  it('that could not be read are tried again when asked', async () => {
    const {all, asked, answer} = pages();
    all.want(0n, 1n, true);
    await answer(failure(problem));
    expect(all.get(0n, true)).toEqual({step: 'failed', problem});
    all.want(0n, 1n, true);
    expect(asked).toHaveLength(1);
    all.retry();
    all.want(0n, 1n, true);
    expect(asked).toHaveLength(2);
  });

  it('are forgotten in time', async () => {
    const {all, answer} = pages();
    for (let i = 0n; i < 100n; i++) {
      all.want(i * BigInt(PAGE_BYTES), i * BigInt(PAGE_BYTES) + 1n, false);
      await answer(ok(reply({bytes: '00'})));
    }
    expect(all.get(0n, false)).toBeUndefined();
    expect(all.get(99n * BigInt(PAGE_BYTES), false)?.step).toBe('loaded');
  });

  it('begin at a multiple of their size', () => {
    expect([pageStart(0n), pageStart(1023n), pageStart((1n << 63n) - 1n)]).toEqual([0n, 0n, (1n << 63n) - 1024n]);
  });
});

it('every kind has words and a colour', () => {
  for (const kind of HexKinds) {
    expect(KIND_FACTS[kind].label).not.toBe('');
    expect(familyOf(kind)).toBeTruthy();
    expect(kindNamed(kind)).toBe(kind);
  }
  expect(kindNamed('<b>')).toBe('unknown');
});
