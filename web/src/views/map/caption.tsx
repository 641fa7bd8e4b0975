import {useEffect, useState} from 'preact/hooks';
import type {Spot} from '../../model/map/grain';
import {cellOfSpot} from '../../model/map/meant';
import {pinWords, spotWords} from '../../model/map/words';
import {cursorSpot} from '../../state/viewpoint';
import {useStore} from '../app-context';
import type {Pane} from './use-picture';
import type {Sight} from './use-sight';

const SPOKEN_AFTER_MS = 350;

/** What the pointer or the cursor is on, in words; said to screen readers once the cursor rests. */
export function Caption({pane, sight, focused}: {pane: Pane; sight: Sight; focused: boolean}) {
  const looking = useStore(pane.viewpoint.now);
  const hit = useStore(pane.hit);
  useStore(pane.version);
  const spot = focused && looking !== null ? cursorSpot(looking) : null;
  const cursor = spot === null ? '' : wordsOf(spot, pane, sight);
  const pointer = hit === null ? '' : hit.pin === null ? wordsOf(hit.spot, pane, sight) : pinWords(hit.pin, 2 ** sight.inside.clusterBits);
  const spoken = useRested(cursor);
  return (
    <>
      <p class="map-caption" aria-hidden="true">
        {pointer === '' ? (cursor === '' ? 'Click to inspect; then the wheel zooms, and dragging moves.' : cursor) : pointer}
      </p>
      <p class="hidden" aria-live="polite">
        {spoken}
      </p>
    </>
  );
}

function useRested(text: string): string {
  const [rested, setRested] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), SPOKEN_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}

function wordsOf(spot: Spot, {reader}: Pane, {space, choices, plane, inside, source, coloured, kinds}: Sight): string {
  const bytes = reader.tiles.cell(coloured, cellOfSpot(plane, spot));
  const size = 2 ** inside.clusterBits;
  const part = spot.level === 0 && spot.length < size && spot.length > 1;
  const states = part ? reader.statesOf(source, spot.cluster, inside.subclusters, plane.clusters) : null;
  const byte = spot.length === 1 && space === 'host' ? reader.byteOf(spot.cluster * size + spot.offset) : null;
  return spotWords(
    spot,
    plane,
    inside,
    {space, by: choices.by, looks: kinds, bytes, byLayer: coloured.space === 'links'},
    {state: states?.[spot.offset / spot.length] ?? null, byte},
  );
}
