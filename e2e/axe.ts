import AxeBuilder from '@axe-core/playwright';
import type {Page} from 'playwright-core';

/** The rules of accessibility that a page breaks, or only some parts of it; each with the elements that break it. */
export async function violations(page: Page, ...parts: string[]): Promise<string[]> {
  // Colours change slowly. What turns for ever is not waited for.
  await page.waitForFunction(() =>
    document.getAnimations().every(({playState, effect}) => playState !== 'running' || effect?.getComputedTiming().endTime === Infinity),
  );
  const axe = parts.reduce((builder, part) => builder.include(part), new AxeBuilder({page}));
  const {violations: broken} = await axe.analyze();
  return broken.map((rule) => `${rule.id}: ${rule.help}: ${rule.nodes.map(({html}) => html).join(' ')}`);
}

/** A screen: how wide, and by light or in the dark. */
export interface Look {
  colorScheme: 'light' | 'dark';
  width: number;
}

const pairs: [Look[], Look[]] = [
  [
    {colorScheme: 'light', width: 1280},
    {colorScheme: 'dark', width: 390},
  ],
  [
    {colorScheme: 'dark', width: 1280},
    {colorScheme: 'light', width: 390},
  ],
];

/** The screens to look at: both widths and both schemes, as one pair or the other; each with each in the full run. */
export const looks = (pair: 0 | 1): Look[] => (process.env['QCOWSCOPE_FULL'] === undefined ? pairs[pair] : pairs.flat());
