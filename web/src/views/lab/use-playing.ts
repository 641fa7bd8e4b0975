import {useCallback, useEffect, useMemo, useState} from 'preact/hooks';
import {Clock} from '../../model/labclock';
import type {Position} from '../../model/labclock';
import type {Trace} from '../../model/labtrace';

/** Where the playing is, and what can be done to it. */
export interface Playing {
  position: Position;
  running: boolean;
  speed: number;
  setSpeed: (speed: number) => void;
  /** Goes to a step and rests there. */
  seek: (step: number) => void;
  /** Plays on, from the start if it is at the end; or rests. */
  toggle: () => void;
}

export function usePlaying(trace: Trace): Playing {
  const [position, setPosition] = useState<Position>({step: -1, since: 0});
  const [running, setRunning] = useState(false);
  const [speed, setSpeed] = useState(1);
  const clock = useMemo(() => new Clock(trace), [trace]);
  const last = trace.length - 1;
  const atEnd = position.step >= last;
  useEffect(() => {
    if (!running) {
      return;
    }
    let before = performance.now();
    let frame = requestAnimationFrame(function next(now: number) {
      // A tab that was hidden does not catch up with what it missed.
      const seconds = Math.min(0.25, (now - before) / 1000) * speed;
      before = now;
      setPosition((old) => clock.after(old, seconds));
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [running, speed, clock]);
  useEffect(() => {
    if (running && atEnd) {
      setRunning(false);
    }
  }, [running, atEnd]);
  const seek = useCallback(
    (step: number) => {
      setRunning(false);
      setPosition({step: Math.max(-1, Math.min(last, step)), since: 0});
    },
    [last],
  );
  const toggle = useCallback(() => {
    setRunning((old) => !old);
    setPosition((old) => (old.step >= last ? {step: -1, since: 0} : old));
  }, [last]);
  return {position, running, speed, setSpeed, seek, toggle};
}
