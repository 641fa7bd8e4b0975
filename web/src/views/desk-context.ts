import {createContext} from 'preact';
import {useContext} from 'preact/hooks';
import type {Desk} from '../state/desk';
import type {Fleet} from '../state/fleet';

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) {
    throw new Error('a view outside of the page');
  }
  return desk;
}

export const FleetContext = createContext<Fleet | null>(null);

export function useFleet(): Fleet {
  const fleet = useContext(FleetContext);
  if (fleet === null) {
    throw new Error('a view outside of the page');
  }
  return fleet;
}
