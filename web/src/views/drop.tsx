import {useEffect, useState} from 'preact/hooks';
import {launchedSources, sourcesOf} from '../state/sources';
import type {Source} from '../state/watch';
import {useDesk} from './desk-context';

/** Takes files that are dropped anywhere on the page, pasted, or opened with the installed page. */
export function DropTarget() {
  const desk = useDesk();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const enter = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files') === true) {
        event.preventDefault();
        setOver(!isTaken(event));
      }
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) {
        setOver(false);
      }
    };
    const take = (sources: Promise<Source[]>) => void sources.then((files) => desk.open(files));
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      if (!isTaken(event)) {
        take(sourcesOf(event.dataTransfer));
      }
    };
    const paste = (event: ClipboardEvent) => {
      if (event.clipboardData !== null && event.clipboardData.files.length > 0) {
        event.preventDefault();
        take(sourcesOf(event.clipboardData));
      }
    };
    const ended = new AbortController();
    const {signal} = ended;
    document.addEventListener('dragenter', enter, {signal});
    document.addEventListener('dragover', enter, {signal});
    document.addEventListener('dragleave', leave, {signal});
    document.addEventListener('drop', drop, {signal});
    document.addEventListener('paste', paste, {signal});
    window.launchQueue?.setConsumer(({files}) => take(launchedSources(files)));
    return () => ended.abort();
  }, [desk]);
  return over ? (
    <div class="drop-veil" aria-hidden="true">
      <p>Drop it: the image is opened here</p>
    </div>
  ) : null;
}

/** A part of the page takes the files that are dropped on it for itself. */
function isTaken({target}: DragEvent): boolean {
  return target instanceof Element && target.closest('[data-takes-files]') !== null;
}
