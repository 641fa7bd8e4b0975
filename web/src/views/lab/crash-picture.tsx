import {useMemo, useRef} from 'preact/hooks';
import {formatCount} from '../../base/units';
import {OUTCOME_FACTS} from '../../model/crash';
import {cellAt, cellPaths, crashLayout, stateAtPlace} from '../../model/crashlayout';
import type {CrashLayout} from '../../model/crashlayout';
import {CrashOutcomes} from '../../protocol/protocol.gen';
import type {CrashFlight} from '../../protocol/protocol.gen';
import type {CrashSideProps} from './crash-side';
import {useWidth} from './use-width';

/** Above the cells, for the numbers of the flights. */
const TOP = 22;
const EDGE = 3;

/**
 * The crash points of a side as cells, in boxes between the flushes:
 *
 *     1                  2     done
 *     o o o o o o o o  | o  ┃  •
 *     o o o o o o o o  |    ┃
 *
 * The thick line is the switch of the header.
 */
export function CrashPicture({side, judged, picked, onPick}: CrashSideProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const layout = useMemo(() => crashLayout(side.flights, side.states, Math.max(40, width - 2 * EDGE)), [side, width]);
  const paths = useMemo(() => cellPaths(layout, judged), [layout, judged]);
  const onClick = (event: MouseEvent) => {
    const box = frame.current?.getBoundingClientRect();
    const state = box === undefined ? null : stateAtPlace(layout, event.clientX - box.left - EDGE, event.clientY - box.top - TOP);
    if (state !== null) {
      onPick(state);
    }
  };
  const counts = CrashOutcomes.filter((outcome) => judged.counts[outcome] > 0).map(
    (outcome) => `${formatCount(judged.counts[outcome])} ${OUTCOME_FACTS[outcome].word.toLowerCase()}`,
  );
  return (
    <div ref={frame} class="crash-picture" onClick={onClick}>
      {width > 0 && (
        <svg
          role="img"
          aria-label={`${formatCount(judged.known)} crash points: ${counts.join(', ')}`}
          width={width}
          height={layout.height + TOP + EDGE}
          viewBox={`0 0 ${width} ${layout.height + TOP + EDGE}`}
        >
          <g transform={`translate(${EDGE} ${TOP})`}>
            <Frames layout={layout} flights={side.flights} redirected={side.name === 'redirected'} />
            <path class="unknown" d={paths.unknown} />
            {CrashOutcomes.map((outcome) => (
              <path key={outcome} class={OUTCOME_FACTS[outcome].safe ? 'safe' : 'broken'} fill-rule="evenodd" d={paths[outcome]} />
            ))}
            {picked !== null && <Cursor layout={layout} state={picked} />}
          </g>
        </svg>
      )}
    </div>
  );
}

interface FramesProps {
  layout: CrashLayout;
  flights: readonly CrashFlight[];
  redirected: boolean;
}

/** The numbers of the flights, and the flushes between them. */
function Frames({layout, flights, redirected}: FramesProps) {
  const {boxes, gap, height, cell} = layout;
  return (
    <>
      {boxes.map(({x, width, first}, i) => {
        const flight = flights[i];
        // The header has been switched when all of its flight has landed.
        const thick = redirected && flight?.kind === 'header' && flights[i + 1]?.kind !== 'header';
        const line = x + width + gap / 2;
        return (
          <g key={first} class="frame">
            <rect x={x - EDGE / 2} y={-EDGE / 2} width={Math.max(width, cell) + EDGE} height={height + EDGE} rx="4" />
            <text x={flight === undefined && width < 40 ? x + width : x} y={-8} text-anchor={flight === undefined && width < 40 ? 'end' : 'start'}>
              {flight === undefined ? 'done' : i + 1}
            </text>
            {flight !== undefined && <path class={thick ? 'flip' : 'flush'} d={`M${line} -4V${height + EDGE}`} />}
          </g>
        );
      })}
    </>
  );
}

function Cursor({layout, state}: {layout: CrashLayout; state: number}) {
  const {x, y} = cellAt(layout, state);
  return <rect class="cursor" x={x - 1.5} y={y - 1.5} width={layout.cell + 3} height={layout.cell + 3} rx="4" />;
}
