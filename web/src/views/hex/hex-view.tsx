import {useState} from 'preact/hooks';
import {byteAt} from '../../model/hexpages';
import type {HexPage} from '../../model/hexpages';
import {stepped} from '../../model/hexplace';
import type {OpenSession} from '../../state/session';
import {currentInfo} from '../../state/session';
import {useController, useMedia} from '../app-context';
import {usePalette} from '../palette-context';
import {ProblemText} from '../problem';
import {familyColours} from './colours';
import {FieldCard} from './field-card';
import {FieldTable} from './field-table';
import {HexGrid} from './hex-grid';
import {HexLegend} from './hex-legend';
import {HexTools} from './hex-tools';
import {SpokenField} from './spoken-field';
import {showsBefore, useHex} from './use-hex';

interface ViewProps {
  session: OpenSession;
  as: 'bytes' | 'fields';
  /** The bytes are to be shown, not the list. */
  onBytes: () => void;
}

export function HexView({session, as, onBytes}: ViewProps) {
  const {hex} = useController();
  const narrow = useMedia('(max-width: 760px)');
  const wide = useMedia('(min-width: 2100px)');
  const perRow = narrow ? 8 : wide ? 32 : 16;
  const state = useHex(session);
  const palette = usePalette();
  const {pages, place} = state;
  const [seen, setSeen] = useState<readonly HexPage[]>([]);
  const answer = pages.get(place.cursor, place.other);
  const field = answer?.step === 'loaded' ? (byteAt(answer.page, place.cursor)?.field ?? null) : null;
  const showBytes = (offset: bigint) => {
    state.jump(offset);
    onBytes();
  };
  return (
    <div class="hex-layout" style={familyColours(palette)}>
      <div class="card hex-card">
        <HexTools
          state={state}
          info={currentInfo(session)}
          onStep={(step) => hex.update((now) => stepped(now, step))}
          onSide={(other) => hex.update((now) => ({...now, other}))}
        />
        {answer?.step === 'failed' && <ProblemText problem={answer.problem} />}
        {as === 'bytes' ? (
          <>
            <HexGrid state={state} perRow={perRow} field={field} onSeen={setSeen} />
            <HexLegend pages={seen} before={showsBefore(state)} />
          </>
        ) : (
          <FieldTable key={state.key} state={state} onShow={showBytes} />
        )}
      </div>
      <FieldCard state={state} field={field} info={currentInfo(session)} />
      <SpokenField field={field} cursor={place.cursor} />
    </div>
  );
}
