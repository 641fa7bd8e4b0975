import {useDesk} from './desk-context';

/** The file input, drawn as a button. There is one at a time on the page. */
export function ChooseImage({prominent = false}: {prominent?: boolean}) {
  const desk = useDesk();
  const choose = (input: HTMLInputElement) => {
    const files = [...(input.files ?? [])];
    // Choosing the same file again must be an event too.
    input.value = '';
    void desk.open(files.map((file) => ({file, handle: null})));
  };
  return (
    <label class={prominent ? 'button primary large' : 'button'}>
      <input
        class="hidden"
        type="file"
        multiple
        aria-label="Choose image"
        onChange={(event) => choose(event.currentTarget)}
      />
      <span aria-hidden="true">Choose image</span>
    </label>
  );
}
