import {useEffect, useLayoutEffect, useMemo, useRef, useState} from 'preact/hooks';
import type {Disk, Span} from '../../model/writerange';
import {CELLS, clustersOf} from '../../model/writerange';
import type {States} from '../../model/writecells';
import {Latest} from '../../model/writelatest';
import type {WriteRequest} from '../../protocol/protocol.gen';
import type {Controller} from '../../state/controller';
import {useController, useLoaded, useStore} from '../app-context';

/**
 * Asks again whenever the key changes, one question at a time: of those that come meanwhile only the last is asked. The
 * last answer stays until there is a newer one. Without a key nothing is asked.
 */
export function useLatest<Answer>(key: string | null, ask: () => Promise<Answer>): Answer | null {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const newest = useRef(ask);
  newest.current = ask;
  const latest = useMemo(() => new Latest<() => Promise<Answer>, Answer>((question) => question(), (_, reply) => setAnswer(reply)), []);
  useEffect(() => () => latest.stop(), [latest]);
  // Before the picture is painted: the answer is on its way meanwhile.
  useLayoutEffect(() => {
    if (key !== null) {
      latest.want(newest.current);
    }
  }, [latest, key]);
  return key === null ? null : answer;
}

/** The clusters that are loaded together. */
export function groupOf(cluster: number): number {
  return Math.floor(cluster / CELLS) * CELLS;
}

/** The states of the clusters around one; those of others until they have come. */
export function useStates(disk: Disk, cluster: number): States | null {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const first = groupOf(cluster);
  const count = Math.min(CELLS, clustersOf(disk) - first);
  const kept = useRef<States | null>(null);
  const loaded = useLoaded(`${epoch} ${first}`, () => controller.engine.call('mapSubclusters', {space: 'guest', layer: 0, first, count}));
  if (loaded.step === 'loaded') {
    kept.current = {first, bytes: loaded.value};
  }
  return kept.current;
}

/** Picks another range; what is shown large follows the edge that was moved, unless it is told to stay. */
export function pick(controller: Controller, disk: Disk, request: WriteRequest, span: Span, follow: 'start' | 'end' | 'stay'): void {
  const clusters = clustersOf(disk);
  controller.writing.picked.update(({cluster}) => {
    const at = follow === 'start' ? span.offset : span.offset + span.length - 1;
    const next = follow === 'stay' ? cluster : Math.floor(at / disk.clusterSize);
    return {request: {...request, ...span}, cluster: Math.max(0, Math.min(next, clusters - 1))};
  });
}
