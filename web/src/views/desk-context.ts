import {createContext} from 'preact';
import {useContext} from 'preact/hooks';
import type {Desk} from '../state/desk';

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) {
    throw new Error('a view outside of the page');
  }
  return desk;
}
