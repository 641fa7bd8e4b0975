import type {ComponentChildren} from 'preact';
import {failure, ok} from '../../base/result';
import type {Result} from '../../base/result';
import {abridgedText} from '../../model/labstages';
import {STEP_NUMBERS, Trace} from '../../model/labtrace';
import type {LabReply, LabRequest, Problem} from '../../protocol/protocol.gen';
import type {Controller} from '../../state/controller';
import type {OpenSession} from '../../state/session';
import {useController, useLoaded, useStore} from '../app-context';
import {ProblemText} from '../problem';
import {RedirectSwitch} from '../redirect-switch';
import {Blocked, CostAndGain} from './cost';
import {Player} from './player';
import {Working} from './working';

interface StructureRunProps {
  session: OpenSession;
  /** Redirected or not is for the switch to say. */
  request: Omit<LabRequest, 'redirect'>;
  onStop: () => void;
  /** What can be done about it, once it is known to be possible. */
  children: (reply: LabReply) => ComponentChildren;
}

/** A new refcount structure: what forbids it, or what it costs and gains, and how it comes about. */
export function StructureRun({session, request, onStop, children}: StructureRunProps) {
  const controller = useController();
  const {epoch, redirect} = useStore(controller.view);
  const key = `${epoch} ${request.kind} ${request.bits} ${request.likeQemu} ${redirect}`;
  const loaded = useLoaded(key, () => load(controller, {...request, redirect}));
  if (loaded.step === 'loaded' && loaded.value.trace === null) {
    return <Blocked blockers={loaded.value.reply.blocked} />;
  }
  return (
    <>
      <RedirectSwitch
        of="lab"
        on={redirect}
        redirected={loaded.step === 'loaded' ? loaded.value.reply.redirected : null}
        listed
        fixed={session.work !== null}
        onChange={(on) => void controller.setRedirect(on)}
      />
      {loaded.step === 'loading' && <Working text="Working it out." onStop={onStop} />}
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {loaded.step === 'loaded' && <Planned run={loaded.value}>{children}</Planned>}
    </>
  );
}

function Planned({run, children}: {run: Run; children: StructureRunProps['children']}) {
  const {reply, trace} = run;
  const abridged = abridgedText(reply.steps, reply.kept);
  return (
    trace !== null && (
      <>
        <CostAndGain reply={reply} />
        {children(reply)}
        {abridged !== null && <p class="muted">{abridged}</p>}
        <Player trace={trace} reply={reply} />
      </>
    )
  );
}

interface Run {
  reply: LabReply;
  /** null if something forbids it. */
  trace: Trace | null;
}

/** The most steps that the core gives at once. */
const MOST_STEPS = 65536;

async function load({engine}: Controller, request: LabRequest): Promise<Result<Run, Problem>> {
  const asked = await engine.call('labTrace', request);
  if (!asked.ok) {
    return asked;
  }
  const reply = asked.value;
  if (reply.blocked.length > 0) {
    return ok({reply, trace: null});
  }
  const oldTable = await engine.call('labOldTable', undefined);
  if (!oldTable.ok) {
    return oldTable;
  }
  const numbers = new Float64Array(reply.kept * STEP_NUMBERS);
  for (let from = 0; from < reply.kept; from += MOST_STEPS) {
    const page = await engine.call('labSteps', {from, count: MOST_STEPS});
    if (!page.ok) {
      return failure(page.error);
    }
    numbers.set(page.value, from * STEP_NUMBERS);
  }
  const {before, after, stages, clusters} = reply;
  return ok({reply, trace: new Trace(numbers, {before, after, stages, clusters, oldTable: oldTable.value})});
}
