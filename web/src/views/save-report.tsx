import {reportName} from '../model/names';
import type {OpenSession} from '../state/session';
import {useController} from './app-context';
import {FileName} from './saved';

const FORMS = [
  {form: 'html', button: 'Save report (HTML)', suffix: 'html', text: 'A page to read, print or hand on.'},
  {form: 'json', button: 'Save report (JSON)', suffix: 'json', text: 'For programs.'},
  {form: 'text', button: 'Save report (text)', suffix: 'txt', text: 'As qemu-img check prints it, and what it means.'},
] as const;

/** What was found, to keep or to hand on. */
export function SaveReport({session}: {session: OpenSession}) {
  const {takeaway} = useController();
  return (
    <div class="card">
      <h3>Report</h3>
      <p>
        All findings with their places, and the repair if one was planned. It holds no data of your disk, but names that the
        image contains, such as those of snapshots.
      </p>
      <ul class="report-forms">
        {FORMS.map(({form, button, suffix, text}) => (
          <li key={form}>
            <button type="button" onClick={() => void takeaway.report(form)}>
              {button}
            </button>
            <div>
              <p>{text}</p>
              <FileName name={reportName(session.file.name, suffix)} />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
