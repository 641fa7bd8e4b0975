import {useEffect, useState} from 'preact/hooks';
import {hexOf, offsetOf} from '../../model/hexgrid';
import {byteAt} from '../../model/hexpages';
import type {PageField} from '../../model/hexpages';
import {Hex, ImageText} from '../text';
import {leadsTo} from './hex-keys';
import type {HexState} from './use-hex';

interface HereProps {
  state: HexState;
  /** Under the cursor. */
  field: PageField | null;
  grid: {current: HTMLElement | null};
}

/**
 * Names in one line what is under the pointer, or else under the cursor: the card may be out of sight. To a screen
 * reader the card says the same, and more.
 */
export function HereLine({state, field, grid}: HereProps) {
  const pointed = usePointed(grid);
  const {pages, place} = state;
  const answer = pointed === null ? undefined : pages.get(pointed, place.other);
  const under = answer?.step === 'loaded' && pointed !== null ? byteAt(answer.page, pointed)?.field : null;
  const shown = under ?? field;
  if (shown === null) {
    return <p class="hex-here" />;
  }
  const {name, value, meaning} = shown.field;
  const to = shown === field ? leadsTo(state, field) : null;
  return (
    <div class="hex-here" aria-hidden="true">
      <Hex text={hexOf(shown.start)} />
      <span class="mono field">
        {name}
        {value !== '' && (
          <>
            {' = '}
            <ImageText text={value} />
          </>
        )}
      </span>
      {to !== null && (
        <button type="button" class="quiet" tabIndex={-1} onClick={() => state.jump(to)}>
          Follow
        </button>
      )}
      <span class="muted means">
        <ImageText text={meaning} />
      </span>
    </div>
  );
}

/** The offset of the byte under the mouse. */
function usePointed(grid: {current: HTMLElement | null}): bigint | null {
  const [pointed, setPointed] = useState<bigint | null>(null);
  useEffect(() => {
    const element = grid.current;
    const moved = (event: PointerEvent) => setPointed(event.pointerType === 'mouse' ? byteUnder(event) : null);
    const left = () => setPointed(null);
    element?.addEventListener('pointermove', moved);
    element?.addEventListener('pointerleave', left);
    return () => {
      element?.removeEventListener('pointermove', moved);
      element?.removeEventListener('pointerleave', left);
    };
  }, [grid]);
  return pointed;
}

/** The offset of the byte that an event is about. */
export function byteUnder(event: Event): bigint | null {
  const cell = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-at]') : null;
  return offsetOf(cell?.dataset['at'] ?? '');
}
