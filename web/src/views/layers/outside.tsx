import {useState} from 'preact/hooks';
import {formatBytes} from '../../base/units';
import type {LayersOutside} from '../../protocol/protocol.gen';
import {SeverityTag} from '../signs';
import {ImageText} from '../text';
import {useNamesakes} from './use-namesakes';

/** How a file is given for a name, and taken away. */
export interface Giving {
  give(data: boolean, file: File): void;
  take(data: boolean): void;
  /** Why the last file that was given does not belong there, '' if it does. */
  refused(data: boolean): string;
}

/** A file that an image names: what opening the image would open, and a place for the file. */
export function Outside({outside, giving}: {outside: LayersOutside; giving: Giving}) {
  const {data, name, format, opens, wary, warning, given} = outside;
  const role = data ? 'data file' : 'backing file';
  const refused = giving.refused(data);
  const namesakes = useNamesakes(outside);
  return (
    <div class={wary ? 'outside-name wary' : 'outside-name'}>
      <p>
        {wary && <SeverityTag severity="warning" />} names its {role}{' '}
        {name === '' ? (
          'nowhere'
        ) : (
          <code>
            <ImageText text={name} />
          </code>
        )}
        {!data && (
          <span class="muted">
            {format === '' ? ', format not named' : ', format '}
            <ImageText text={format} />
          </span>
        )}
      </p>
      {wary && <p>{warning}</p>}
      {opens.length > 0 && !(opens.length === 1 && opens[0] === name) && (
        <p class="opens">
          Opens:{' '}
          {opens.map((what) => (
            <code key={what}>
              <ImageText text={what} />
            </code>
          ))}
        </p>
      )}
      {given === '' ? (
        <Slot role={role} namesakes={namesakes} onFile={(file) => giving.give(data, file)} />
      ) : (
        <p class="given">
          Given: <ImageText text={given} />
          <button type="button" class="quiet small" onClick={() => giving.take(data)}>
            Take out<span class="hidden"> {given}</span>
          </button>
        </p>
      )}
      <p role="status" class="refused">
        {refused !== '' && <ImageText text={refused} />}
      </p>
    </div>
  );
}

interface SlotProps {
  role: string;
  /** Files that are open beside this image and may be the one. */
  namesakes: readonly File[];
  onFile: (file: File) => void;
}

/** Where the file can be dropped, or chosen. */
function Slot({role, namesakes, onFile}: SlotProps) {
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) {
      onFile(file);
    }
  };
  const choose = (input: HTMLInputElement) => {
    const file = input.files?.[0];
    input.value = '';
    if (file !== undefined) {
      onFile(file);
    }
  };
  return (
    <div data-takes-files class={over ? 'slot over' : 'slot'} onDragOver={() => setOver(true)} onDragLeave={() => setOver(false)} onDrop={drop}>
      {namesakes.map((file, i) => (
        <button key={i} type="button" class="primary" onClick={() => onFile(file)}>
          <span>
            Use the <ImageText text={file.name} /> that is open here ({formatBytes(file.size)})
          </span>
        </button>
      ))}
      <span>{namesakes.length > 0 ? 'Or drop it on this line, or' : 'It is not here. Drop it on this line, or'}</span>
      <label class="button">
        <input
          class="hidden"
          type="file"
          aria-label={`Choose the ${role}`}
          onChange={(event) => choose(event.currentTarget)}
        />
        <span aria-hidden="true">Choose the {role}</span>
      </label>
    </div>
  );
}
