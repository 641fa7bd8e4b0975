import {jumped, stepped} from '../../model/hexplace';
import type {Controller} from '../../state/controller';
import {goTo} from '../go-to';

/** Goes to a byte of the file in the hex view. */
export function showInHex(controller: Controller, offset: bigint): void {
  controller.hex.update((place) => jumped(place, offset));
  goTo('hex');
}

/** Goes back along the way through the file, or forward again; nowhere if there is no such way. */
export function stepHex(controller: Controller, step: 1 | -1): void {
  const before = controller.hex.value;
  controller.hex.update((place) => stepped(place, step));
  const section = document.getElementById('hex')?.closest('section');
  if (controller.hex.value !== before && section?.contains(document.activeElement) === false) {
    goTo('hex');
  }
}
