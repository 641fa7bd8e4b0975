import {expect, it} from 'vitest';
import {sharesOf} from './usage';

it('fills the bar, largest first and free last', () => {
  const shares = sharesOf([
    {owner: 'free', clusters: 90, bytes: 900},
    {owner: 'l2', clusters: 1, bytes: 1},
    {owner: 'data', clusters: 9, bytes: 99},
    {owner: 'leaked', clusters: 0, bytes: 0},
  ]);
  expect(shares.map((share) => share.owner)).toEqual(['data', 'l2', 'free']);
  expect(shares[0]?.from).toBe(0);
  expect(shares.at(-1)?.to).toBeCloseTo(1);
  for (const [i, share] of shares.entries()) {
    expect(share.to - share.from).toBeGreaterThan(0.003);
    expect(shares[i + 1]?.from ?? share.to).toBe(share.to);
  }
});

it('has nothing to show of nothing', () => {
  expect(sharesOf([])).toEqual([]);
});
