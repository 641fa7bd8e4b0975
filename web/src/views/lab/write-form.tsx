import {useEffect, useId, useRef, useState} from 'preact/hooks';
import {formatHex} from '../../base/units';
import {parseByte, parseSize, sizeText} from '../../model/writerange';
import type {Disk} from '../../model/writerange';
import type {WriteRequest} from '../../protocol/protocol.gen';

interface FormProps {
  disk: Disk;
  request: WriteRequest;
  onRequest: (request: WriteRequest) => void;
}

const KINDS = [
  {kind: 'write', name: 'Write data'},
  {kind: 'zero', name: 'Write zeroes'},
  {kind: 'discard', name: 'Discard'},
] as const;

/** What the guest does, and where, in numbers. */
export function WriteForm({disk, request, onRequest}: FormProps) {
  return (
    <div class="w-form">
      <fieldset class="widths w-kinds">
        <legend>The guest does this</legend>
        {KINDS.map(({kind, name}) => (
          <label key={kind} class={kind === request.kind ? 'on' : undefined}>
            <input type="radio" name="write-kind" value={kind} checked={kind === request.kind} onChange={() => onRequest({...request, kind})} />
            <span>{name}</span>
          </label>
        ))}
      </fieldset>
      <Field
        label="From guest offset"
        value={formatHex(request.offset)}
        parse={(text) => bounded(parseSize(text), 0, disk.size - 1)}
        wrong={`an offset below ${formatHex(disk.size)}`}
        onValue={(offset) => onRequest({...request, offset, length: Math.min(request.length, disk.size - offset)})}
      />
      <Field
        label="Length"
        value={sizeText(request.length)}
        parse={(text) => bounded(parseSize(text), 1, disk.size - request.offset)}
        wrong="a length such as 4K, within the disk"
        onValue={(length) => onRequest({...request, length})}
      />
      {request.kind === 'write' && (
        <Field
          label="Every byte is"
          value={`0x${request.fill.toString(16).padStart(2, '0')}`}
          parse={parseByte}
          wrong="the value of a byte, such as 0x5a"
          onValue={(fill) => onRequest({...request, fill})}
        />
      )}
      {request.kind === 'zero' && (
        <label class="choice">
          <input type="checkbox" checked={request.unmap} onChange={(event) => onRequest({...request, unmap: event.currentTarget.checked})} />
          Clusters may be given back
        </label>
      )}
    </div>
  );
}

function bounded(value: number | null, least: number, most: number): number | null {
  return value !== null && value >= least && value <= most ? value : null;
}

interface FieldProps {
  label: string;
  value: string;
  parse: (text: string) => number | null;
  /** What is wanted instead of what cannot be understood. */
  wrong: string;
  onValue: (value: number) => void;
}

/** A number as it is typed: taken at once when it makes sense, else told what is wrong with it. */
function Field({label, value, parse, wrong, onValue}: FieldProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  useEffect(() => {
    // What is being typed is left alone: 0x1 on the way to 0x1c00.
    if (document.activeElement !== input.current) {
      setText(value);
    }
  }, [value]);
  const bad = parse(text) === null;
  const onInput = (typed: string) => {
    setText(typed);
    const parsed = parse(typed);
    if (parsed !== null) {
      onValue(parsed);
    }
  };
  return (
    <div class="w-field-box">
      <label for={id}>{label}</label>
      <input
        ref={input}
        id={id}
        type="text"
        class="mono"
        spellcheck={false}
        autocomplete="off"
        value={text}
        aria-invalid={bad}
        aria-describedby={bad ? `${id}-wrong` : undefined}
        onInput={(event) => onInput(event.currentTarget.value)}
        onBlur={() => setText(value)}
      />
      {bad && (
        <span id={`${id}-wrong`} class="w-wrong">
          Wanted: {wrong}
        </span>
      )}
    </div>
  );
}
