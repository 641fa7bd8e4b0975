import {useEffect, useState} from 'preact/hooks';

/** The value, once it has stayed the same for a while. */
export function useRested<T extends string | number>(value: T, milliseconds: number): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return rested;
}
