import type {Panel} from '../model/keys';

/** Goes to a part of the page; keys and screen readers go on from there. */
export function goTo(panel: Panel): void {
  const heading = document.getElementById(panel);
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  heading?.focus({preventScroll: true});
  const behavior = calm ? 'auto' : 'smooth';
  if (panel === 'summary') {
    // The verdict stands above the summary and belongs to it.
    scrollTo({top: 0, behavior});
  } else {
    heading?.closest('section')?.scrollIntoView({behavior, block: 'start'});
  }
}
