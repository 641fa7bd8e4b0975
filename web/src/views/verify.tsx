import {useState} from 'preact/hooks';
import {formatCount} from '../base/units';
import {EXIT_CODES} from '../model/verdict';
import type {CheckCounts, Problem, VerifyReply} from '../protocol/protocol.gen';
import {useController, useStore} from './app-context';
import {ProblemText} from './problem';
import {SeveritySign} from './signs';

/** Checks the changed image once more, as a program that opens the saved copy would, and holds it against the file. */
export function Verify() {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const [state, setState] = useState<{epoch: number; running: boolean; reply: VerifyReply | null; problem: Problem | null}>({
    epoch: -1,
    running: false,
    reply: null,
    problem: null,
  });
  const run = async () => {
    setState({epoch, running: true, reply: null, problem: null});
    const reply = await controller.engine.call('verify', undefined);
    setState({epoch, running: false, reply: reply.ok ? reply.value : null, problem: reply.ok ? null : reply.error});
  };
  const now = state.epoch === epoch ? state : {running: false, reply: null, problem: null};
  return (
    <div class="verify">
      <div class="row">
        <button type="button" disabled={now.running} onClick={() => void run()}>
          Verify
        </button>
        <p class="muted">Reads the repaired image anew from its first byte, and counts as qemu-img check does.</p>
      </div>
      <div aria-live="polite">
        {now.running && <p class="muted">Checking the repaired image.</p>}
        {now.problem !== null && <ProblemText problem={now.problem} />}
        {now.reply !== null && <Counts reply={now.reply} />}
      </div>
    </div>
  );
}

const ROWS: readonly [keyof CheckCounts, string][] = [
  ['corruptions', 'Corruptions'],
  ['leaks', 'Leaked clusters'],
  ['checkErrors', 'Check errors'],
  ['beyond', 'Findings that QEMU does not count'],
];

function Counts({reply: {before, after}}: {reply: VerifyReply}) {
  const clean = after.exitCode === 0 && after.beyond === 0;
  return (
    <>
      <p class="verified">
        <SeveritySign severity={clean ? 'none' : 'note'} />{' '}
        <strong>{clean ? 'Verified: nothing is wrong any more.' : 'Verified: this is what is left.'}</strong> qemu-img check on the
        saved copy would exit with {after.exitCode}: {EXIT_CODES[after.exitCode] ?? ''}
      </p>
      <table>
        <caption class="hidden">Counts of the check, before and after</caption>
        <thead>
          <tr>
            <th scope="col">Counted</th>
            <th scope="col" class="number">
              In your file
            </th>
            <th scope="col" class="number">
              With the repair
            </th>
          </tr>
        </thead>
        <tbody>
          {ROWS.map(([key, name]) => (
            <tr key={key}>
              <th scope="row">{name}</th>
              <td class="number">{formatCount(before[key])}</td>
              <td class="number">{formatCount(after[key])}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">Exit code</th>
            <td class="number">{before.exitCode}</td>
            <td class="number">{after.exitCode}</td>
          </tr>
        </tbody>
      </table>
    </>
  );
}
