import type {Address} from '../src/state/links';

/** An address of a page that no browser shows. */
export interface FakeAddress extends Address {
  /** As when someone types another fragment. */
  type: (fragment: string) => void;
  /** How often the page has changed it. */
  replaced: () => number;
}

export function fakeAddress(fragment = ''): FakeAddress {
  let current = fragment;
  let replaced = 0;
  const listeners: (() => void)[] = [];
  return {
    fragment: () => current,
    replace: (next) => {
      current = next;
      replaced++;
    },
    withFragment: (next) => `https://page.example/${next}`,
    onChange: (changed) => listeners.push(changed),
    type: (next) => {
      current = next;
      listeners.forEach((changed) => changed());
    },
    replaced: () => replaced,
  };
}
