import {useEffect, useState} from 'preact/hooks';

/** Whether the element has come near what is seen of the page; from then on it stays so. */
export function useNear(element: {current: HTMLElement | null}): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (near || element.current === null) {
      return;
    }
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) {
          setNear(true);
        }
      },
      {rootMargin: '400px'},
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [near, element]);
  return near;
}
