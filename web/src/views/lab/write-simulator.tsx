import {useEffect, useMemo, useState} from 'preact/hooks';
import type {Result} from '../../base/result';
import {formatBytes, formatHex} from '../../base/units';
import {tellingCluster} from '../../model/writecells';
import {clustersOf} from '../../model/writerange';
import type {Disk} from '../../model/writerange';
import type {Problem, QueuedWrite, WriteEvent, WritePlanReply, WriteRequest} from '../../protocol/protocol.gen';
import {isBusy} from '../../state/session';
import type {OpenSession} from '../../state/session';
import {useController, useStore} from '../app-context';
import {ProblemText} from '../problem';
import {RedirectWrite} from './redirect-write';
import {groupOf, pick, useLatest, useStates} from './use-write';
import {WriteForm} from './write-form';
import {WriteAnswer, WriteDetails} from './write-outcome';
import {WritePicture} from './write-picture';
import {WriteQueue} from './write-queue';
import {StopText} from './write-stop';

interface SimulatorProps {
  session: OpenSession;
  disk: Disk;
  /** What is picked before anyone has picked something. */
  first: WriteRequest;
}

/** Pick a range, see what happens, apply it and go on; or let several writes be in flight at once. */
export function WriteSimulator({session, disk, first}: SimulatorProps) {
  const controller = useController();
  const picked = useStore(controller.writing.picked);
  const [events, setEvents] = useState<readonly WriteEvent[]>([]);
  const states = useStates(disk, picked.cluster);
  const cluster = picked.request === null ? tellingCluster(disk, states) : Math.min(picked.cluster, clustersOf(disk) - 1);
  const request = fitting(picked.request ?? {...first, offset: first.offset + cluster * disk.clusterSize}, disk);
  const flying = events.length > 0;
  const planned = usePlan(disk, cluster, request);
  const plan = planned?.ok === true ? planned.value : null;
  const queue = useQueue(events, request);
  const shown = !flying && plan?.stop.title === '' ? plan : null;
  return (
    <div class="w-simulator" role="group" aria-label="Write simulator">
      <WriteForm disk={disk} request={request} onRequest={(next) => pick(controller, disk, next, next, 'start')} />
      {states === null ? (
        <p role="status">Looking at the clusters.</p>
      ) : (
        <WritePicture
          disk={disk}
          cluster={cluster}
          states={states}
          request={request}
          plan={shown}
          queue={flying ? lanesOf(queue) : null}
          onSpan={(span, moved) => pick(controller, disk, request, span, moved ?? 'stay')}
          onCluster={(next) => controller.writing.picked.set({request, cluster: Math.max(0, next)})}
        />
      )}
      {flying ? (
        <WriteQueue session={session} events={events} preview={queue} request={request} onEvents={setEvents} />
      ) : (
        planned !== null &&
        (!planned.ok ? (
          <ProblemText problem={planned.error} />
        ) : (
          <>
            <Answer plan={planned.value} />
            <Actions session={session} request={request} plan={planned.value} onQueue={() => setEvents([{finish: 0, write: request}])} />
            <Details disk={disk} plan={planned.value} />
          </>
        ))
      )}
      <Spoken text={flying || plan === null ? '' : spokenText(request, plan)} />
    </div>
  );
}

/** Drawn again for a new plan only, not whenever the range moves. */
function Answer({plan}: {plan: WritePlanReply}) {
  return useMemo(() => (plan.stop.title !== '' ? <StopText stop={plan.stop} /> : <WriteAnswer plan={plan} />), [plan]);
}

/** As Answer. */
function Details({disk, plan}: {disk: Disk; plan: WritePlanReply}) {
  const {size, clusterSize, extended} = disk;
  return useMemo(() => plan.stop.title === '' && <WriteDetails disk={{size, clusterSize, extended}} plan={plan} />, [size, clusterSize, extended, plan]);
}

/** What the picture shows of the writes: also the one that is picked, as it would be. */
function lanesOf(queue: Preview | null): readonly QueuedWrite[] {
  if (queue === null) {
    return [];
  }
  return queue.next === null || queue.done ? queue.writes : [...queue.writes, queue.next];
}

/** The request on a disk that may have become smaller. */
function fitting(request: WriteRequest, {size}: Disk): WriteRequest {
  const offset = Math.min(request.offset, size - 1);
  return {...request, offset, length: Math.max(1, Math.min(request.length, size - offset))};
}

/** The plan of the request; while a newer one is being made, the last one. */
function usePlan(disk: Disk, cluster: number, write: WriteRequest): Result<WritePlanReply, Problem> | null {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const shown = disk.extended ? {first: cluster, count: 1} : {first: groupOf(cluster), count: 32};
  const besides = useStore(controller.writing.besides);
  const key = JSON.stringify([epoch, besides, write, shown]);
  return useLatest(key, () => controller.engine.call('writePlan', {write, ...shown}));
}

export interface Preview {
  writes: readonly QueuedWrite[];
  /** How it would be with the picked write as well; null if that cannot be in flight. */
  next: QueuedWrite | null;
  done: boolean;
  barred: string;
  stopped: string;
}

/** The writes in flight, and what would become of the one that is picked. */
function useQueue(events: readonly WriteEvent[], write: WriteRequest): Preview | null {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const besides = useStore(controller.writing.besides);
  const flying = events.length > 0;
  const withNext = [...events, {finish: 0, write}];
  const ask = (all: readonly WriteEvent[]) => () => controller.engine.call('writeQueue', {events: [...all]});
  const now = useLatest(flying ? JSON.stringify([epoch, besides, events]) : null, ask(events));
  const then = useLatest(flying && write.kind === 'write' ? JSON.stringify([epoch, besides, withNext]) : null, ask(withNext));
  if (now?.ok !== true) {
    return null;
  }
  const {writes, done, barred, stop} = now.value;
  const nextWrites = then?.ok === true ? then.value.writes : [];
  const next = nextWrites.length > writes.length ? (nextWrites.at(-1) ?? null) : null;
  return {writes, next, done, barred, stopped: stop.title};
}

interface ActionsProps {
  session: OpenSession;
  request: WriteRequest;
  plan: WritePlanReply;
  onQueue: () => void;
}

function Actions({session, request, plan, onQueue}: ActionsProps) {
  const controller = useController();
  if (session.work?.change.kind === 'write') {
    return <p role="status">{session.work.doing === 'applying' ? 'Applying' : 'Taking it back'}, and checking again.</p>;
  }
  const stopped = plan.stop.title !== '';
  return (
    <div class="w-actions">
      {!stopped && plan.barred === '' && <RedirectWrite session={session} request={request} />}
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={isBusy(session) || stopped || plan.barred !== ''}
          onClick={() => void controller.writing.apply(request, plan.words)}
        >
          Apply {request.kind === 'discard' ? 'discard' : 'write'}
        </button>
        {request.kind === 'write' && !stopped && (
          <button type="button" onClick={onQueue}>
            Queue a second write in flight
          </button>
        )}
        <p class="muted">{plan.barred === '' ? 'In memory, and checked again at once. Your file is not touched.' : plan.barred}</p>
      </div>
    </div>
  );
}

function spokenText(request: WriteRequest, plan: WritePlanReply): string {
  const where = `${formatBytes(request.length)} at guest ${formatHex(request.offset)}`;
  if (plan.stop.title !== '') {
    return `${where}: ${plan.stop.title}`;
  }
  const {copied, zeroed} = plan.totals;
  return `${where}: ${formatBytes(copied)} copied, ${formatBytes(zeroed)} filled with zeros.`;
}

/** Says what came of it, once nothing has changed for a while. */
function Spoken({text}: {text: string}) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSaid(text), 700);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="hidden" aria-live="polite">
      {said}
    </p>
  );
}
