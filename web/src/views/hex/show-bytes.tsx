import {hexOf} from '../../model/hexgrid';
import {useController} from '../app-context';
import {showInHex} from './go';

/** The way from anywhere to bytes of the file; nothing where there are none. */
export function ShowBytes({offset}: {offset: bigint | null}) {
  const controller = useController();
  if (offset === null) {
    return null;
  }
  return (
    <button type="button" class="quiet" onClick={() => showInHex(controller, offset)}>
      Show the bytes<span class="hidden"> at {hexOf(offset)}</span>
    </button>
  );
}
