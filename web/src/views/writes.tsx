import {useState} from 'preact/hooks';
import {formatBytes, formatCount} from '../base/units';
import {hexPieces, spaced} from '../model/hexdiff';
import {offsetOf} from '../model/hexgrid';
import type {PlanRequest, PlanView, WriteView} from '../protocol/protocol.gen';
import {useController, useLoaded, useStore} from './app-context';
import {ShowBytes} from './hex/show-bytes';
import {Pager} from './pager';
import {ProblemText} from './problem';
import {Hex, ImageText} from './text';

/** Writes are tall; fewer of them make a page. */
const WRITES_A_PAGE = 20;

/** Every write of a plan, with the bytes that differ. */
export function Writes({plan, request}: {plan: PlanView; request: PlanRequest}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [from, setFrom] = useState(0);
  const key = `${epoch} ${JSON.stringify(request)} ${from}`;
  const loaded = useLoaded(key, () => controller.engine.call('writes', {from, count: WRITES_A_PAGE}));
  const pager = <Pager of="writes" from={from} size={WRITES_A_PAGE} total={plan.writes} onFrom={setFrom} />;
  return (
    <div class="writes">
      <h3>Byte by byte</h3>
      {pager}
      {loaded.step === 'loading' && <p class="muted">Loading.</p>}
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {loaded.step === 'loaded' && (
        <ol start={from + 1}>
          {loaded.value.writes.map((write) => (
            <WriteLine key={`${write.batch} ${write.offset}`} write={write} batches={plan.batches} />
          ))}
        </ol>
      )}
      {pager}
    </div>
  );
}

function WriteLine({write, batches}: {write: WriteView; batches: number}) {
  return (
    <li>
      <p class="write-head">
        <Hex text={write.offset} /> <span class="muted">{formatBytes(write.length)}</span>
        {batches > 1 && <span class="muted">batch {formatCount(write.batch + 1)}</span>}
      </p>
      <p>
        <ImageText text={write.why} />
      </p>
      <Diff write={write} />
      <ShowBytes offset={offsetOf(write.at)} />
    </li>
  );
}

/** The first bytes that differ, old over new. */
function Diff({write}: {write: WriteView}) {
  const pieces = hexPieces(write.old, write.new);
  return (
    <div class="diff scroll" tabIndex={0} role="group" aria-label={`Bytes at ${write.at}, before and after`}>
      <div class="mono muted">{write.at}</div>
      <div class="mono">
        <span class="side">before</span>
        {write.old === '' ? (
          <span class="muted">past the end of the file</span>
        ) : (
          pieces.map((piece, i) => (piece.differs ? <del key={i}>{spaced(piece.old)}</del> : <span key={i}>{spaced(piece.old)}</span>))
        )}
      </div>
      <div class="mono">
        <span class="side">after</span>
        {pieces.map((piece, i) => (piece.differs ? <ins key={i}>{spaced(piece.new)}</ins> : <span key={i}>{spaced(piece.new)}</span>))}
      </div>
    </div>
  );
}
