import {useController} from '../app-context';

interface WorkingProps {
  /** What is being done. */
  text: string;
  /** It is not wanted any more. */
  onStop: () => void;
}

/** Something that takes its time, and the way out of it. */
export function Working({text, onStop}: WorkingProps) {
  const controller = useController();
  const stop = () => {
    onStop();
    void controller.cancel();
  };
  return (
    <div class="row">
      <p role="status">{text}</p>
      <button type="button" onClick={stop}>
        Cancel
      </button>
    </div>
  );
}
