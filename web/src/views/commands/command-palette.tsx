import {useEffect, useLayoutEffect, useRef, useState} from 'preact/hooks';
import {plural} from '../../base/units';
import {fitting} from '../../model/fuzzy';
import {useController, useStore} from '../app-context';
import {useDesk} from '../desk-context';
import {ImageText} from '../text';
import {commandsOf, placeCommands} from './commands';
import type {PageCommand} from './commands';

/** All commands and places of the page, to be found by typing. */
export function CommandPalette() {
  const controller = useController();
  const {commands} = useStore(controller.view);
  return commands ? <Palette /> : null;
}

interface Found {
  command: PageCommand;
  hits: ReadonlySet<number>;
}

function Palette() {
  const controller = useController();
  const desk = useDesk();
  useStore(controller.session);
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState('');
  const [index, setIndex] = useState(0);
  // At once: whoever types on at full speed types into it.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const found: Found[] = [
    ...placeCommands(controller, query).map((command) => ({command, hits: new Set<number>()})),
    ...fitting(query, commandsOf(controller, desk), (command) => command).map(({item, hits}) => ({command: item, hits})),
  ];
  const chosen = Math.min(index, found.length - 1);
  const run = (one: Found | undefined) => {
    if (one !== undefined) {
      dialog.current?.close();
      controller.change({commands: false});
      one.command.run();
    }
  };
  const onQuery = (text: string) => {
    setQuery(text);
    setIndex(0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = movedChoice(event.key, chosen, found.length);
    if (to !== null) {
      event.preventDefault();
      setIndex(to);
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="commands"
      aria-label="Commands"
      onClose={(event) => {
        // Late news of a list that has been opened again since.
        if (!event.currentTarget.open) {
          controller.change({commands: false});
        }
      }}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <QueryField query={query} chosen={found.length > 0 ? chosen : null} onQuery={onQuery} onKeyDown={onKeyDown} />
      <Options found={found} chosen={chosen} onChoose={setIndex} onRun={run} />
      {found.length === 0 && <p class="muted">Nothing is called that.</p>}
      <p class="hidden" aria-live="polite">
        {plural(found.length, 'command')}
      </p>
    </dialog>
  );
}

interface QueryProps {
  query: string;
  /** Which of what was found; null if nothing was. */
  chosen: number | null;
  onQuery: (query: string) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

function QueryField({query, chosen, onQuery, onKeyDown}: QueryProps) {
  return (
    <input
      type="text"
      role="combobox"
      aria-label="Command or place"
      aria-expanded="true"
      aria-controls="command-list"
      aria-autocomplete="list"
      aria-activedescendant={chosen === null ? undefined : `command-${chosen}`}
      autoComplete="off"
      spellcheck={false}
      placeholder="A command, or a place: 0x30000, cluster 5, guest 1M"
      value={query}
      onInput={(event) => onQuery(event.currentTarget.value)}
      onKeyDown={onKeyDown}
    />
  );
}

/** The choice after a key, null if the key does not move it. */
function movedChoice(key: string, chosen: number, count: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return chosen + 1 < count ? chosen + 1 : 0;
    case 'ArrowUp':
      return chosen > 0 ? chosen - 1 : Math.max(0, count - 1);
    case 'PageDown':
      return Math.max(0, Math.min(chosen + 8, count - 1));
    case 'PageUp':
      return Math.max(chosen - 8, 0);
    default:
      return null;
  }
}

interface OptionsProps {
  found: readonly Found[];
  chosen: number;
  onChoose: (index: number) => void;
  onRun: (one: Found) => void;
}

function Options({found, chosen, onChoose, onRun}: OptionsProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({block: 'nearest'});
  }, [chosen, found.length]);
  return (
    <ul ref={list} id="command-list" role="listbox" aria-label="Commands">
      {found.map((one, i) => (
        <li
          key={`${i} ${one.command.name}`}
          id={`command-${i}`}
          role="option"
          aria-selected={i === chosen}
          // The list moves under a pointer that rests: only one that moves chooses.
          onPointerMove={() => i !== chosen && onChoose(i)}
          onClick={() => onRun(one)}
        >
          <span class="command-name">
            <Marked text={one.command.name} hits={one.hits} />
          </span>
          {one.command.key !== '' && <kbd aria-label={`key ${one.command.key}`}>{one.command.key}</kbd>}
        </li>
      ))}
    </ul>
  );
}

/** A text with the letters that were found in bold. */
function Marked({text, hits}: {text: string; hits: ReadonlySet<number>}) {
  const pieces: {text: string; hit: boolean}[] = [];
  Array.from({length: text.length}, (_, i) => {
    const last = pieces.at(-1);
    const hit = hits.has(i);
    if (last?.hit === hit) {
      last.text += text[i] ?? '';
    } else {
      pieces.push({text: text[i] ?? '', hit});
    }
  });
  return (
    <>
      {pieces.map((piece, i) => (piece.hit ? <b key={i}>{piece.text}</b> : <ImageText key={i} text={piece.text} />))}
    </>
  );
}
