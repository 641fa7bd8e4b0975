import {useEffect, useRef} from 'preact/hooks';
import {KEY_HELP} from '../model/keys';
import {SEVERITIES, SEVERITY_FACTS} from '../model/severity';
import {useController, useStore} from './app-context';
import {SeverityTag} from './signs';

/** Keys and signs. */
export function Help() {
  const controller = useController();
  const {help, singleKeys} = useStore(controller.view);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (help) {
      dialog.current?.showModal();
    }
  }, [help]);
  if (!help) {
    return null;
  }
  const close = () => controller.change({help: false});
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close}>
      <h2 id="help-title">Help</h2>
      <h3>Keys</h3>
      <dl class="keys">
        {KEY_HELP.map(({keys, does}) => (
          <div key={keys}>
            <dt>
              {keys.split('  ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={singleKeys}
          onChange={(event) => controller.change({singleKeys: event.currentTarget.checked})}
        />
        Single keys are commands (switch off if you dictate to your computer)
      </label>
      <h3>Signs</h3>
      <dl class="signs">
        {SEVERITIES.toReversed()
          .filter((severity) => severity !== 'none')
          .map((severity) => (
            <div key={severity}>
              <dt>
                <SeverityTag severity={severity} />
              </dt>
              <dd>{SEVERITY_FACTS[severity].meaning}</dd>
            </div>
          ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="primary">
          Close
        </button>
      </form>
    </dialog>
  );
}
