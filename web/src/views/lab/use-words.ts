import {useEffect, useReducer, useRef} from 'preact/hooks';
import type {Trace} from '../../model/labtrace';
import {PAGE_SIZE} from '../../protocol/ops';
import {useController} from '../app-context';

const BEFORE = 'The old structure is in force. Nothing has happened yet.';

/** What happens in a step, in the core's words. While they are being fetched, those of the step before stay. */
export function useWords(trace: Trace, step: number): string {
  const controller = useController();
  const pages = useRef<{trace: Trace; words: Map<number, readonly string[]>}>({trace, words: new Map()});
  const asking = useRef(false);
  const shown = useRef(BEFORE);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  if (pages.current.trace !== trace) {
    pages.current = {trace, words: new Map()};
  }
  const {words} = pages.current;
  const page = Math.floor(Math.max(0, step) / PAGE_SIZE);
  const missing = !words.has(page);
  useEffect(() => {
    if (!missing || asking.current) {
      return;
    }
    asking.current = true;
    void controller.engine.call('labWords', {from: page * PAGE_SIZE, count: PAGE_SIZE}).then((reply) => {
      asking.current = false;
      words.set(page, reply.ok ? reply.value.words : []);
      // Only now it is known which page is wanted next.
      redraw(undefined);
    });
  });
  if (step < 0) {
    shown.current = BEFORE;
  } else if (!missing) {
    shown.current = words.get(page)?.[step % PAGE_SIZE] ?? '';
  } else if (shown.current === BEFORE) {
    shown.current = '';
  }
  return shown.current;
}
