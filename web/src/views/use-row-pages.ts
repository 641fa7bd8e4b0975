import {useEffect, useMemo, useReducer} from 'preact/hooks';
import {RowPages} from '../model/rowpages';
import type {ReadRows} from '../model/rowpages';

/** The rows of a long list, read as they come into sight. The key names all that they depend on. */
export function useRowPages<T>(key: string, rows: number, read: ReadRows<T>): RowPages<T> {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const pages = useMemo(() => new RowPages<T>(rows, read, () => redraw(undefined)), [key, rows]);
  return pages;
}

/** Asks for the rows in sight. */
export function useWantedRows<T>(pages: RowPages<T>, from: number, to: number): void {
  useEffect(() => pages.want(from, to), [pages, from, to]);
}
