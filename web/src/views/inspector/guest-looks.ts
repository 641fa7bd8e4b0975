import {useMemo} from 'preact/hooks';
import {mapPalette} from '../../model/map/colours';
import {looksOf} from '../../model/map/kinds';
import type {Look} from '../../model/map/kinds';
import type {Info} from '../../protocol/protocol.gen';
import {usePalette} from '../palette-context';

/** How the kinds of guest clusters look. */
export function useGuestLooks({backingFile}: Info): readonly Look[] {
  const palette = usePalette();
  const parent = backingFile !== '';
  return useMemo(() => looksOf('guest', 'owner', mapPalette(palette), {parent, snapshots: []}), [palette, parent]);
}
