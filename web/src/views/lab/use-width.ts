import {useEffect, useState} from 'preact/hooks';

/** How wide the element is inside its border, in CSS pixels; 0 until it is there. */
export function useWidth(frame: {current: HTMLElement | null}): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    const fit = () => setWidth(element.clientWidth);
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
  return width;
}
