import type {Move} from '../../model/map/grain';
import type {Viewpoint} from '../../state/viewpoint';

const MOVES: Record<string, Move> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  PageUp: 'page-up',
  PageDown: 'page-down',
  Home: 'row-start',
  End: 'row-end',
};

/** What else a map does at a key. */
interface KeyActions {
  /** h: rows or the curve. */
  layOut: () => void;
  /** Enter: what is this? And again: closer. */
  enter: () => void;
  /** Escape: backs out of what was chosen; false if there is nothing to back out of. */
  escape: () => boolean;
}

/** Does what a key says to a map; false if it says nothing. */
export function pressed(event: KeyboardEvent, viewpoint: Viewpoint, actions: KeyActions): boolean {
  if (event.altKey || event.metaKey) {
    return false;
  }
  const move = event.ctrlKey && event.key === 'Home' ? 'start' : event.ctrlKey && event.key === 'End' ? 'end' : MOVES[event.key];
  if (move !== undefined) {
    viewpoint.moveCursor(move);
    return true;
  }
  if (event.ctrlKey) {
    return false;
  }
  switch (event.key) {
    case '+':
    case '=':
      viewpoint.step(2);
      return true;
    case '-':
      viewpoint.step(1 / 2);
      return true;
    case '0':
      viewpoint.whole();
      return true;
    case 'h':
      actions.layOut();
      return true;
    case 'Enter':
      actions.enter();
      return true;
    case 'Escape':
      return actions.escape();
    default:
      return false;
  }
}
