import {useController} from './app-context';

/** The file input, drawn as a button. There is one at a time on the page. */
export function ChooseImage({prominent = false}: {prominent?: boolean}) {
  const controller = useController();
  const choose = (input: HTMLInputElement) => {
    const file = input.files?.[0];
    // Choosing the same file again must be an event too.
    input.value = '';
    if (file !== undefined) {
      void controller.open({file, handle: null});
    }
  };
  return (
    <label class={prominent ? 'button primary large' : 'button'}>
      <input
        class="hidden"
        type="file"
        aria-label="Choose image"
        onChange={(event) => choose(event.currentTarget)}
      />
      <span aria-hidden="true">Choose image</span>
    </label>
  );
}
