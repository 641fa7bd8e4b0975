import {useEffect, useState} from 'preact/hooks';
import type {Result} from '../../base/result';
import type {Problem} from '../../protocol/protocol.gen';

/** How far something is that the core does in pieces. */
export type Progress<T> = {step: 'going'; share: number} | {step: 'done'; value: T} | {step: 'failed'; problem: Problem};

interface Piece {
  done: number;
  total: number;
}

/** Asks for piece after piece, until all is done or the key changes. */
export function usePieces<T extends Piece>(key: string, next: () => Promise<Result<T, Problem>>): Progress<T> {
  const [state, setState] = useState<{key: string; progress: Progress<T>}>({key, progress: {step: 'going', share: 0}});
  useEffect(() => {
    const left = new AbortController();
    const run = async (): Promise<void> => {
      const reply = await next();
      if (left.signal.aborted) {
        return;
      }
      const progress = progressOf(reply);
      setState({key, progress});
      if (progress.step === 'going') {
        await run();
      }
    };
    void run();
    return () => left.abort();
    // The key names all that the answer depends on.
  }, [key]);
  return state.key === key ? state.progress : {step: 'going', share: 0};
}

function progressOf<T extends Piece>(reply: Result<T, Problem>): Progress<T> {
  if (!reply.ok) {
    return {step: 'failed', problem: reply.error};
  }
  const {done, total} = reply.value;
  return done >= total ? {step: 'done', value: reply.value} : {step: 'going', share: done / total};
}
