import {createContext} from 'preact';
import {useContext, useEffect, useLayoutEffect, useReducer, useRef, useState} from 'preact/hooks';
import type {Result} from '../base/result';
import type {Problem} from '../protocol/protocol.gen';
import type {Controller} from '../state/controller';
import type {Store} from '../state/store';

export const AppContext = createContext<Controller | null>(null);

export function useController(): Controller {
  const controller = useContext(AppContext);
  if (controller === null) {
    throw new Error('a view outside of the page');
  }
  return controller;
}

/** The value of a store; the view is drawn again whenever it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(() => store.subscribe(() => redraw(undefined)), [store]);
  return store.value;
}

/** What follows from a store's value; the view is drawn again only when that changes, compared field by field. */
export function useDerived<T, D extends object>(store: Store<T>, derive: (value: T) => D): D {
  const [derived, setDerived] = useState(() => derive(store.value));
  useLayoutEffect(() => {
    const update = () => {
      const next = derive(store.value);
      setDerived((old) => (sameFields(old, next) ? old : next));
    };
    update();
    return store.subscribe(update);
  }, [store, derive]);
  return derived;
}

function sameFields<D extends object>(a: D, b: D): boolean {
  return Object.keys(a).every((key) => Object.is(Reflect.get(a, key), Reflect.get(b, key)));
}

/** What a view has asked for. */
export type Loaded<T> = {step: 'loading'} | {step: 'loaded'; value: T} | {step: 'failed'; problem: Problem};

/**
 * Asks for something whenever the key changes; answers to earlier keys are dropped. The key names all that the answer
 * depends on.
 */
export function useLoaded<T>(key: string, load: () => Promise<Result<T, Problem>>): Loaded<T> {
  const [state, setState] = useState<{key: string; loaded: Loaded<T>}>({key, loaded: {step: 'loading'}});
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    let wanted = true;
    void latest.current().then((reply) => {
      if (wanted) {
        const loaded: Loaded<T> = reply.ok ? {step: 'loaded', value: reply.value} : {step: 'failed', problem: reply.error};
        setState({key, loaded});
      }
    });
    return () => {
      wanted = false;
    };
  }, [key]);
  return state.key === key ? state.loaded : {step: 'loading'};
}

/** Whether a media query holds, now and whenever that changes. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const update = () => setMatches(list.matches);
    update();
    list.addEventListener('change', update);
    return () => list.removeEventListener('change', update);
  }, [query]);
  return matches;
}
