import {useRef, useState} from 'preact/hooks';
import {formatBytes} from '../../base/units';
import {ImageText} from '../text';

/** What the core takes. */
const MOST_TEXT = 64 << 20;
/** A box for more than that makes the page stand still. */
const MOST_TYPED = 128 << 10;
/** So much of a longer one is shown. */
const SHOWN = 600;

/** A trace, and the file it is of; '' if it was typed or pasted. */
export interface TraceText {
  name: string;
  text: string;
}

export const NO_TRACE: TraceText = {name: '', text: ''};

interface TraceTextProps {
  trace: TraceText;
  onTrace: (trace: TraceText) => void;
}

/** Where a trace is typed or pasted. A long one is kept beside, and only its beginning is shown. */
export function TraceBox({trace, onTrace}: TraceTextProps) {
  const onPaste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (text.length > MOST_TYPED) {
      event.preventDefault();
      onTrace({name: '', text});
    }
  };
  if (trace.text.length > MOST_TYPED) {
    return <LongTrace trace={trace} onGone={() => onTrace(NO_TRACE)} />;
  }
  return (
    <textarea
      aria-label="Trace of writes"
      rows={6}
      spellcheck={false}
      placeholder={'0 4K\n1M 64K\n0x7c00 512'}
      value={trace.text}
      onPaste={onPaste}
      onInput={(event) => onTrace({name: '', text: event.currentTarget.value})}
    />
  );
}

function LongTrace({trace: {name, text}, onGone}: {trace: TraceText; onGone: () => void}) {
  return (
    <div role="group" aria-label="Long trace">
      <div class="row">
        <p>
          {name === '' ? 'What was pasted' : <ImageText text={name} />}, {formatBytes(text.length)}. It begins with:
        </p>
        <button type="button" onClick={onGone}>
          Use another trace
        </button>
      </div>
      <pre tabIndex={0} role="group" aria-label="Beginning of the trace">
        {text.slice(0, SHOWN)}
      </pre>
    </div>
  );
}

/** The way to a log in a file. */
export function ChooseTrace({onTrace}: {onTrace: (trace: TraceText) => void}) {
  const input = useRef<HTMLInputElement>(null);
  const [trouble, setTrouble] = useState('');
  const read = async (file: File) => {
    setTrouble('');
    if (file.size > MOST_TEXT) {
      setTrouble(`That is more than ${formatBytes(MOST_TEXT)}. On the command line, qcowscope amplify takes it.`);
      return;
    }
    try {
      onTrace({name: file.name, text: await file.text()});
    } catch {
      setTrouble('The browser could not read this file. Was it moved or changed?');
    }
  };
  const onChange = (field: HTMLInputElement) => {
    const file = field.files?.[0];
    if (file !== undefined) {
      void read(file);
    }
    field.value = ''; // The same file can be opened again once it was changed.
  };
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>
        Open a log
      </button>
      <input
        ref={input}
        type="file"
        class="hidden"
        aria-label="Choose trace"
        tabIndex={-1}
        onChange={(event) => onChange(event.currentTarget)}
      />
      {trouble !== '' && (
        <p role="alert" class="w-wrong">
          {trouble}
        </p>
      )}
    </>
  );
}
