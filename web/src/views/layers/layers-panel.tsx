import {useRef, useState} from 'preact/hooks';
import type {OpenSession} from '../../state/session';
import {changeWords, currentInfo, isApplied} from '../../state/session';
import {useController, useStore} from '../app-context';
import {ProblemRest} from '../problem';
import {Section} from '../section';
import {useNear} from '../use-near';
import {Bitmaps} from './bitmaps';
import {Chain} from './chain';
import {HeaderFields} from './header-fields';
import {Sizes} from './sizes';
import {Snapshots} from './snapshots';
import {usePieces} from './use-scan';

/** What the image consists of: what its bytes are for, snapshots, bitmaps, other files that it names, its header. */
export function LayersPanel({session}: {session: OpenSession}) {
  const here = useRef<HTMLDivElement>(null);
  const near = useNear(here);
  const {epoch} = useStore(useController().view);
  return (
    <Section
      panel="layers"
      label="Layers"
      heading={isApplied(session) ? `Layers after ${changeWords(session)}` : 'Layers'}
    >
      <div ref={here} class="layers">
        {near && <Content key={epoch} session={session} />}
      </div>
    </Section>
  );
}

function Content({session}: {session: OpenSession}) {
  const {engine} = useController();
  const [again, setAgain] = useState(0);
  const info = currentInfo(session);
  const scan = usePieces(`scan ${again}`, () => engine.call('layersScan', undefined));
  return (
    <>
      {scan.step === 'going' && (
        <div class="card">
          <label>
            Looking through all tables: who uses which cluster?
            <progress max={1} value={scan.share} />
          </label>
        </div>
      )}
      {scan.step === 'failed' && (
        <div class="card">
          <h3>{scan.problem.title}</h3>
          <ProblemRest problem={scan.problem} />
          <button type="button" onClick={() => setAgain(again + 1)}>
            Read again
          </button>
        </div>
      )}
      {scan.step === 'done' && <Sizes />}
      {(info.backingFile !== '' || info.dataFile !== '') && <Chain />}
      {scan.step === 'done' && info.snapshots > 0 && <Snapshots clusterSize={info.clusterSize} />}
      {scan.step === 'done' && info.bitmaps > 0 && <Bitmaps info={info} />}
      <Absent info={info} />
      <HeaderFields clusterSize={info.clusterSize} />
    </>
  );
}

/** What other images have, and this one does not. */
function Absent({info}: {info: OpenSession['info']}) {
  const absent = [
    ...(info.snapshots === 0 ? ['snapshots'] : []),
    ...(info.bitmaps === 0 ? ['dirty bitmaps'] : []),
    ...(info.backingFile === '' && info.dataFile === '' ? ['other files that it depends on'] : []),
  ];
  return absent.length === 0 ? null : <p class="muted absent">This image has no {listOf(absent)}.</p>;
}

function listOf(words: string[]): string {
  const [last, ...rest] = words.toReversed();
  return rest.length === 0 ? (last ?? '') : `${rest.toReversed().join(', no ')} and no ${last}`;
}
