import AxeBuilder from '@axe-core/playwright';
import type {Page} from 'playwright-core';

const full = process.env['QCOWSCOPE_FULL'] !== undefined;

/** The bytes, half of all elements of a page with an image: tried whole in the hex view's own test, elsewhere in the full run. */
const bytes = '.hex-window';

/** The rules of accessibility that a page breaks, or only some parts of it; each with the elements that break it. */
export async function violations(page: Page, ...parts: string[]): Promise<string[]> {
  // Colours change slowly. What turns for ever is not waited for.
  await page.waitForFunction(() =>
    document.getAnimations().every(({playState, effect}) => playState !== 'running' || effect?.getComputedTiming().endTime === Infinity),
  );
  // There are no frames to be looked into from a page of their own, and nobody reads what is right: both would take longer than the rules.
  const axe = new AxeBuilder({page}).setLegacyMode(true).options({resultTypes: ['violations']});
  if (!full && parts.length === 0) {
    axe.exclude(bytes);
  }
  const {violations: broken} = await parts.reduce((builder, part) => builder.include(part), axe).analyze();
  return broken.map((rule) => `${rule.id}: ${rule.help}: ${rule.nodes.map(({html}) => html).join(' ')}`);
}

/** A screen: how wide, and by light or in the dark. */
export interface Look {
  colorScheme: 'light' | 'dark';
  width: number;
}

const all: Look[] = [
  {colorScheme: 'light', width: 1280},
  {colorScheme: 'dark', width: 390},
  {colorScheme: 'dark', width: 1280},
  {colorScheme: 'light', width: 390},
];

/** Of things that are each to be tried, all in the full run; else one in so many, beginning with the given one. */
export const shareOf = <T>(things: readonly T[], first: number, oneIn: number): T[] =>
  things.filter((_, i) => full || i % oneIn === first);

/** How a screen is looked at: both widths by light and in the dark in the full run, else one of the four. Screens take turns. */
export const looks = (turn: 0 | 1 | 2 | 3): Look[] => shareOf(all, turn, 4);
