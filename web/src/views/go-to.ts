import type {Panel} from '../model/keys';

/** How long a part that was gone to is kept in place while the parts above it are still being drawn. */
const KEPT_FOR = 3000;

/** The part that is kept in place, and how to stop that. */
let kept: {panel: Panel; letGo: () => void} | null = null;

/** Goes to a part of the page; keys and screen readers go on from there. */
export function goTo(panel: Panel): void {
  kept?.letGo();
  const heading = document.getElementById(panel);
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  heading?.focus({preventScroll: true});
  const behavior = calm ? 'auto' : 'smooth';
  const section = heading?.closest('section') ?? null;
  if (panel === 'summary') {
    // The verdict stands above the summary and belongs to it.
    scrollTo({top: 0, behavior});
  } else if (section !== null) {
    section.scrollIntoView({behavior, block: 'start'});
    kept = {panel, letGo: keepInPlace(section)};
  }
}

/** Scrolls to something that has just been drawn in a part, unless another part is being gone to. */
export function bringIntoSight(element: Element, panel: Panel): void {
  if (kept === null || kept.panel === panel) {
    kept?.letGo();
    element.scrollIntoView({block: 'nearest'});
  }
}

/** Goes to the section again whenever the page's height changes, until the user does something; returns how to stop. */
function keepInPlace(section: HTMLElement): () => void {
  const page = document.documentElement;
  let height = page.scrollHeight;
  const observer = new ResizeObserver(() => {
    if (page.scrollHeight !== height) {
      height = page.scrollHeight;
      section.scrollIntoView({behavior: 'auto', block: 'start'});
    }
  });
  observer.observe(document.body);
  // Caught before they arrive anywhere: the key or click that led here has passed this point already.
  const signs = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const;
  const stop = () => {
    kept = null;
    observer.disconnect();
    clearTimeout(timer);
    signs.forEach((sign) => removeEventListener(sign, stop, {capture: true}));
  };
  const timer = setTimeout(stop, KEPT_FOR);
  signs.forEach((sign) => addEventListener(sign, stop, {capture: true, passive: true}));
  return stop;
}
