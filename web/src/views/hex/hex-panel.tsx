import {useEffect, useRef} from 'preact/hooks';
import {jumped} from '../../model/hexplace';
import {hostClusterOf} from '../../model/map/place';
import type {OpenSession} from '../../state/session';
import {changeWords, currentInfo, isApplied} from '../../state/session';
import type {View} from '../../state/view';
import {useController, useStore} from '../app-context';
import {Section} from '../section';
import {useNear} from '../use-near';
import {HexView} from './hex-view';

/** The file byte by byte: what each field is, what it holds and where it points. */
export function HexPanel({session}: {session: OpenSession}) {
  const controller = useController();
  const {hexAs} = useStore(controller.view);
  const here = useRef<HTMLDivElement>(null);
  const near = useNear(here);
  const {jumps} = useStore(controller.hex);
  useMapSelection(currentInfo(session).clusterSize);
  return (
    <Section
      panel="hex"
      label="Hex"
      heading={isApplied(session) ? `Hex after ${changeWords(session)}` : 'Hex'}
      aside={<BytesOrFields as={hexAs} onAs={(as) => controller.change({hexAs: as})} />}
    >
      <div ref={here} class="hex-place">
        {(near || jumps > 0) && <HexView session={session} as={hexAs} onBytes={() => controller.change({hexAs: 'bytes'})} />}
      </div>
    </Section>
  );
}

function BytesOrFields({as, onAs}: {as: View['hexAs']; onAs: (as: View['hexAs']) => void}) {
  return (
    <div class="switch" role="group" aria-label="Show the file as">
      {(['bytes', 'fields'] as const).map((choice) => (
        <button key={choice} type="button" aria-pressed={as === choice} onClick={() => onAs(choice)}>
          {choice === 'bytes' ? 'Bytes' : 'List of fields'}
        </button>
      ))}
    </div>
  );
}

/** What is selected on the map is shown here, too, unless the selection came with a jump of its own. */
function useMapSelection(clusterSize: number): void {
  const controller = useController();
  const selected = hostClusterOf(useStore(controller.view).selected);
  const {jumps} = useStore(controller.hex);
  const before = useRef({selected, jumps});
  useEffect(() => {
    const was = before.current;
    if (selected !== null && selected !== was.selected && jumps === was.jumps) {
      const size = BigInt(clusterSize);
      controller.hex.update((place) =>
        place.cursor / size === BigInt(selected) ? place : jumped(place, BigInt(selected) * size),
      );
    }
    before.current = {selected, jumps: controller.hex.value.jumps};
  }, [controller, selected, clusterSize, jumps]);
}
