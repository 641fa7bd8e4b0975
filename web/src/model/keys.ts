/** The parts of the page in their order; the number keys go there. */
export const PANELS = ['summary', 'map', 'findings', 'repair', 'hex', 'layers', 'lab', 'save'] as const;

export type Panel = (typeof PANELS)[number];

export const PANEL_LABELS: Record<Panel, string> = {
  summary: 'Summary',
  map: 'Map',
  findings: 'Findings',
  repair: 'Repair',
  hex: 'Hex',
  layers: 'Layers',
  lab: 'Lab',
  save: 'Save',
};

/** What a single key does anywhere on the page. */
export type Command =
  | {do: 'panel'; panel: Panel}
  | {do: 'help'}
  | {do: 'filter'}
  | {do: 'finding'; step: 1 | -1}
  | {do: 'table'}
  | {do: 'history'; step: 1 | -1};

/** The list for the help. */
export const KEY_HELP: readonly {keys: string; does: string}[] = [
  {keys: `1 \u2013 ${PANELS.length}`, does: Object.values(PANEL_LABELS).join(', ')},
  {keys: 'n  p', does: 'Next or previous finding'},
  {keys: '/', does: 'Filter the findings'},
  {keys: 't', does: 'Map as a table, and back'},
  {keys: '[  ]', does: 'Back and forward along the pointers that were followed'},
  {keys: 'Ctrl+K', does: 'All commands and places, to be found by typing'},
  {keys: '?', does: 'This help'},
  {keys: 'arrow keys', does: 'On the map: move from cell to cell'},
  {keys: 'Page Up  Page Down', does: 'On the map: a screenful up or down'},
  {keys: 'Home  End', does: 'On the map: start or end of the row, with Ctrl of the file'},
  {keys: '+  \u2212  0', does: 'On the map: closer, farther, all of it'},
  {keys: 'h', does: 'On the map: rows, or along a Hilbert curve'},
  {keys: 'Enter', does: 'On the map: what is this cluster? Once more: what is inside it?'},
  {keys: 'Esc', does: 'On the map: back out'},
  {keys: 'arrow keys', does: 'In the bytes: move by byte; Home, End, Page Up, Page Down as on the map'},
  {keys: 'Tab', does: 'In the bytes, after a move: the next field, with Shift the one before; Esc leaves'},
  {keys: 'Enter', does: 'In the bytes: follow the pointer'},
];

/** The command of a key that was pressed without Ctrl, Alt or Meta, null if it has none. */
export function commandOf(key: string): Command | null {
  const panel = PANELS[Number(key) - 1];
  if (/^[1-9]$/.test(key) && panel !== undefined) {
    return {do: 'panel', panel};
  }
  switch (key) {
    case '?':
      return {do: 'help'};
    case '/':
      return {do: 'filter'};
    case 'n':
      return {do: 'finding', step: 1};
    case 'p':
      return {do: 'finding', step: -1};
    case 't':
      return {do: 'table'};
    case '[':
      return {do: 'history', step: -1};
    case ']':
      return {do: 'history', step: 1};
    default:
      return null;
  }
}
