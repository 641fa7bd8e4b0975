import {useLayoutEffect} from 'preact/hooks';

/**
 * Tells the style sheets how high an element is that sticks under the header, so that nobody who goes to a part of the
 * page finds its heading covered.
 */
export function useCovers(element: {current: HTMLElement | null}, property: '--notice-height' | '--bar-height'): void {
  useLayoutEffect(() => {
    const {style} = document.documentElement;
    const bar = element.current;
    if (bar === null) {
      return;
    }
    const measure = () => style.setProperty(property, `${bar.offsetHeight}px`);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(bar);
    return () => {
      observer.disconnect();
      style.removeProperty(property);
    };
  }, [element, property]);
}
