import {useState} from 'preact/hooks';
import {plural} from '../../base/units';
import type {FleetRun} from '../../model/fleet';
import {useFleet} from '../desk-context';
import {ImageText} from '../text';

/** Begins a check of many images, and tells how far it is. */
export function RunLine({run}: {run: FleetRun | null}) {
  const fleet = useFleet();
  const [prefix, setPrefix] = useState('');
  const running = run !== null && run.state !== 'finished';
  return (
    <form
      class="card run-line"
      aria-label="Check many images"
      onSubmit={(event) => {
        event.preventDefault();
        void fleet.checkAll(prefix);
      }}
    >
      <label>
        Names that begin with
        <input type="text" placeholder="all images" value={prefix} onInput={(event) => setPrefix(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={running}>
        {prefix === '' ? 'Check all' : 'Check these'}
      </button>
      <div class="run-state" aria-live="polite">
        {run !== null && <RunState run={run} running={running} />}
      </div>
    </form>
  );
}

function RunState({run, running}: {run: FleetRun; running: boolean}) {
  const {done, images, corrupt, unreadable, leaks, clean} = run.counts;
  const known = run.state !== 'listing' && images > 0;
  return (
    <>
      {running && <progress aria-label="Checking" {...(known ? {value: done, max: images} : {})} />}
      <p>
        {running ? `${done} of ${images} checked` : `Done: ${plural(done, 'image')}`}
        {run.prefix !== '' && (
          <>
            {' '}
            under <ImageText text={run.prefix} />
          </>
        )}
        . Corrupt {corrupt}, not checkable {unreadable}, leaks {leaks}, clean {clean}.
      </p>
    </>
  );
}
