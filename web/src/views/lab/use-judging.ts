import {useEffect, useRef, useState} from 'preact/hooks';
import {Judged} from '../../model/crash';
import type {Engine} from '../../engine/client';
import type {CrashView, Problem} from '../../protocol/protocol.gen';
import {useController} from '../app-context';

/** How far the judging is, and what can be done to it. */
export interface Judging {
  sides: readonly Judged[];
  known: number;
  states: number;
  running: boolean;
  /** Why it ended early, if it was not stopped. */
  problem: Problem | null;
  stop: () => void;
  go: () => void;
}

/** A slice is short, so that all else that the page asks for is answered soon. */
const SLICE_MS = 60;
const MOST_A_SLICE = 256;

/** Judges all crash points of a change, slice by slice. The view is always the same. */
export function useJudging(view: CrashView): Judging {
  const {engine} = useController();
  const [sides, setSides] = useState<readonly Judged[]>(() => view.sides.map(({states}) => Judged.none(states)));
  const [running, setRunning] = useState(true);
  const [problem, setProblem] = useState<Problem | null>(null);
  const latest = useRef(sides);
  useEffect(() => {
    if (!running) {
      return;
    }
    const stopped = new AbortController();
    const tell = (next: readonly Judged[]) => {
      latest.current = next;
      setSides(next);
    };
    void judge(engine, latest.current, tell, stopped.signal).then((why) => {
      if (!stopped.signal.aborted) {
        setProblem(why);
        setRunning(false);
      }
    });
    return () => stopped.abort();
  }, [engine, running]);
  return {
    sides,
    known: sides.reduce((sum, judged) => sum + judged.known, 0),
    states: sides.reduce((sum, judged) => sum + judged.states, 0),
    running,
    problem,
    stop: () => {
      setRunning(false);
      void engine.cancel();
    },
    go: () => {
      setProblem(null);
      setRunning(true);
    },
  };
}

/** Both sides in turn, until all is known. Resolves with why it cannot go on, null if it is done or was cancelled. */
async function judge(engine: Engine, sides: readonly Judged[], tell: (sides: readonly Judged[]) => void, stopped: AbortSignal): Promise<Problem | null> {
  let now = sides;
  for (let index = 0; now.some(({done}) => !done); index = (index + 1) % now.length) {
    const judged = now[index];
    if (judged === undefined || judged.done) {
      continue;
    }
    const reply = await engine.call('crashJudge', {side: index, states: judged.next(MOST_A_SLICE), ms: SLICE_MS});
    if (stopped.aborted) {
      return null;
    }
    if (!reply.ok) {
      return reply.error.kind === 'cancelled' ? null : reply.error;
    }
    now = now.map((other, i) => (i === index ? judged.with(reply.value) : other));
    tell(now);
  }
  return null;
}
