import {useEffect, useState} from 'preact/hooks';
import type {Source} from '../state/watch';
import {useController} from './app-context';

/** Takes a file that is dropped anywhere on the page. */
export function DropTarget() {
  const controller = useController();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const enter = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files') === true) {
        event.preventDefault();
        setOver(true);
      }
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) {
        setOver(false);
      }
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      void sourceOf(event.dataTransfer).then((source) => (source === null ? undefined : controller.open(source)));
    };
    const ended = new AbortController();
    const {signal} = ended;
    document.addEventListener('dragenter', enter, {signal});
    document.addEventListener('dragover', enter, {signal});
    document.addEventListener('dragleave', leave, {signal});
    document.addEventListener('drop', drop, {signal});
    return () => ended.abort();
  }, [controller]);
  return over ? (
    <div class="drop-veil" aria-hidden="true">
      <p>Drop it: the image is opened here</p>
    </div>
  ) : null;
}

/** The first file of a drop. With a handle, if the browser has one, a later change of the file can be noticed. */
async function sourceOf(data: DataTransfer | null): Promise<Source | null> {
  const file = data?.files[0];
  if (file === undefined) {
    return null;
  }
  const item = [...(data?.items ?? [])].find((candidate) => candidate.kind === 'file');
  const handle = await item?.getAsFileSystemHandle?.().catch(() => null);
  return {file, handle: handle instanceof FileSystemFileHandle ? handle : null};
}
