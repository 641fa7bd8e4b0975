import {useState} from 'preact/hooks';
import {formatCount} from '../../base/units';
import {ACT_LABELS} from '../../model/labtrace';
import type {Trace} from '../../model/labtrace';
import {PAGE_SIZE} from '../../protocol/ops';
import {useController, useLoaded} from '../app-context';
import {Pager} from '../pager';
import {ProblemText} from '../problem';
import {ScrollTable} from '../scroll-table';

/** All steps as a table. Says all that the picture says. */
export function StepList({trace}: {trace: Trace}) {
  const controller = useController();
  const [from, setFrom] = useState(0);
  const loaded = useLoaded(`${trace.length} ${from}`, () => controller.engine.call('labWords', {from, count: PAGE_SIZE}));
  const pager = <Pager of="steps" from={from} size={PAGE_SIZE} total={trace.length} onFrom={setFrom} />;
  return (
    <>
      {pager}
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      <ScrollTable box="tall" class="lab-steps" label="Steps" columns={['Step', 'Walk', 'What', 'Why']}>
        {loaded.step === 'loaded' &&
          loaded.value.words.map((words, i) => <Row key={from + i} trace={trace} index={from + i} words={words} />)}
      </ScrollTable>
      {pager}
    </>
  );
}

function Row({trace, index, words}: {trace: Trace; index: number; words: string}) {
  const {act, walk, seq} = trace.step(index);
  return (
    <tr class={act}>
      <th scope="row" class="number">
        {formatCount(seq + 1)}
      </th>
      <td class="number">{walk === 0 ? '' : formatCount(walk)}</td>
      <td>{ACT_LABELS[act]}</td>
      <td>{words}</td>
    </tr>
  );
}
