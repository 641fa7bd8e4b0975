import type {WriteRequest} from '../../protocol/protocol.gen';
import type {OpenSession} from '../../state/session';
import {useController, useStore} from '../app-context';
import {RedirectSwitch} from '../redirect-switch';
import {useRested} from './use-rested';
import {useLatest} from './use-write';

/** A request is redirected once the dragging rests: that takes longer than to plan it. */
const REST_MS = 250;

/** Whether the write is redirected, and what that means for it. */
export function RedirectWrite({session, request}: {session: OpenSession; request: WriteRequest}) {
  const controller = useController();
  const {redirect, epoch} = useStore(controller.view);
  const key = JSON.stringify([epoch, request]);
  const rested = useRested(key, REST_MS);
  const reply = useLatest(redirect && rested === key ? key : null, () => controller.engine.call('redirectWrite', request));
  return (
    <RedirectSwitch
      of="write"
      on={redirect}
      redirected={reply?.ok === true ? reply.value : null}
      listed
      fixed={session.work !== null}
      onChange={(on) => void controller.setRedirect(on)}
    />
  );
}
