import type {Updates} from '../state/updates';
import {useStore} from './app-context';
import {useDesk} from './desk-context';

/** Says that there is a newer version of the page. It is never taken unasked: something may be open. */
export function UpdateBar({updates}: {updates: Updates}) {
  const desk = useDesk();
  const {newer} = useStore(updates.kept);
  const {places} = useStore(desk.state);
  const open = places.some(({controller}) => controller.session.value.step !== 'empty');
  return (
    <div class="notices" aria-live="polite">
      {newer && (
        <div class="notice">
          <p>
            <strong>There is a newer version of this page.</strong>{' '}
            {open ? 'Loading it closes what is open: save first what you want to keep.' : 'It is there as soon as you load it.'}
          </p>
          <button type="button" class="primary" onClick={() => void updates.update()}>
            Load it now
          </button>
          <button type="button" onClick={() => updates.later()}>
            Later
          </button>
        </div>
      )}
    </div>
  );
}

export function OfflineNote({updates}: {updates: Updates}) {
  return useStore(updates.kept).offline ? <p>This page is kept in your browser and works without a network.</p> : null;
}
