import type {FindingGroup, FindingsAt, FindingView} from '../protocol/protocol.gen';
import {offsetOf} from './hexgrid';
import {rank, severityNamed} from './severity';
import type {Severity} from './severity';

/** The groups with the worst first, and among equals the largest first. */
export function sortedGroups(groups: readonly FindingGroup[]): FindingGroup[] {
  return groups.toSorted(
    (a, b) => rank(severityNamed(b.severity)) - rank(severityNamed(a.severity)) || b.count - a.count,
  );
}

/**
 * Which findings are shown: those of the chosen severities (all if none is chosen) and kind, in groups that hold all
 * words, at all places.
 */
export interface GroupFilter {
  severities: readonly Severity[];
  /** Words of groups, and places: see placesIn. */
  text: string;
  /** Only the group of this code; all if empty. */
  code: string;
}

export const NO_FILTER: GroupFilter = {severities: [], text: '', code: ''};

// An offset, a cluster, or a field of a table.
const PLACE = /^(0x[0-9a-f]+|\d+|[a-z_]\w*(\[\d+\])+(\.\w+)*)$/i;

function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

/** The words of a filter that name places: `0x1c0000`, cluster `28`, `l2[0][5]`. The core knows which findings are there. */
export function placesIn(text: string): string[] {
  return wordsOf(text).filter((word) => PLACE.test(word));
}

export function filteredGroups(groups: readonly FindingGroup[], filter: GroupFilter): FindingGroup[] {
  const words = wordsOf(filter.text).filter((word) => !PLACE.test(word));
  return groups.filter((group) => {
    const severity = severityNamed(group.severity);
    const text = [group.title, group.meaning, group.cure, group.code, group.class, severity].join(' ').toLowerCase();
    const chosen = filter.severities.length === 0 || filter.severities.includes(severity);
    return chosen && (filter.code === '' || filter.code === group.code) && words.every((word) => text.includes(word));
  });
}

/** What the core found at places. */
export interface Found {
  /** The places that were asked for, as one string. */
  asked: string;
  groups: readonly FindingsAt[];
}

/** A group as it is listed: all of it, or the findings with the picked numbers. */
export interface ShownGroup {
  group: FindingGroup;
  picks: readonly number[] | null;
  /** There are more such findings than were picked. */
  more: boolean;
}

/** The groups that pass the filter. Those at places are only known once the core has answered: null before. */
export function shownGroups(groups: readonly FindingGroup[], filter: GroupFilter, found: Found | null): ShownGroup[] | null {
  const passing = filteredGroups(groups, filter);
  const places = placesIn(filter.text);
  if (places.length === 0) {
    return passing.map((group) => ({group, picks: null, more: false}));
  }
  if (found?.asked !== places.join(' ')) {
    return null;
  }
  return passing.flatMap((group) => {
    const at = found.groups.find(({code}) => code === group.code);
    return at === undefined ? [] : [{group, picks: at.indices, more: at.more}];
  });
}

export function rowsOf({group, picks}: ShownGroup): number {
  return picks === null ? group.kept : picks.length;
}

/** The number in its group of the finding in a row. */
export function indexAt({picks}: ShownGroup, row: number): number {
  return picks === null ? row : (picks[row] ?? -1);
}

/** The row of a finding, -1 if it is not listed. */
export function rowOf(shown: ShownGroup, index: number): number {
  return shown.picks === null ? (index < shown.group.kept ? index : -1) : shown.picks.indexOf(index);
}

/** How many findings there are of each severity that occurs, worst first. */
export function countsBySeverity(groups: readonly FindingGroup[]): {severity: Severity; count: number}[] {
  const counts = new Map<Severity, number>();
  for (const group of sortedGroups(groups)) {
    const severity = severityNamed(group.severity);
    counts.set(severity, (counts.get(severity) ?? 0) + group.count);
  }
  return [...counts].map(([severity, count]) => ({severity, count}));
}

/** A finding by its place: which group, and which of the findings kept of it. */
export interface FindingPlace {
  code: string;
  index: number;
}

/** The place before or after another, over the borders of groups; the first or last if there is none yet. */
export function nextPlace(
  groups: readonly ShownGroup[],
  place: FindingPlace | null,
  step: 1 | -1,
): FindingPlace | null {
  const listed = groups.filter((shown) => rowsOf(shown) > 0);
  const at = listed.findIndex(({group}) => group.code === place?.code);
  const shown = listed[at];
  if (place === null || shown === undefined) {
    return step === 1 ? startOf(listed[0]) : endOf(listed.at(-1));
  }
  const row = rowOf(shown, place.index) + step;
  if (row >= 0 && row < rowsOf(shown)) {
    return {code: shown.group.code, index: indexAt(shown, row)};
  }
  return step === 1 ? startOf(listed[at + 1]) : endOf(at === 0 ? undefined : listed[at - 1]);
}

function startOf(shown: ShownGroup | undefined): FindingPlace | null {
  return shown === undefined ? null : {code: shown.group.code, index: indexAt(shown, 0)};
}

function endOf(shown: ShownGroup | undefined): FindingPlace | null {
  return shown === undefined ? null : {code: shown.group.code, index: indexAt(shown, rowsOf(shown) - 1)};
}

/** The number of a place among all findings listed, from 1; and how many these are. */
export function placeNumber(groups: readonly ShownGroup[], place: FindingPlace): {number: number; of: number} {
  let number = 0;
  let of = 0;
  for (const shown of groups) {
    number = shown.group.code === place.code ? of + rowOf(shown, place.index) + 1 : number;
    of += rowsOf(shown);
  }
  return {number, of};
}

/** The host cluster that a finding is about, null if it is about none. */
export function clusterOf(finding: Pick<FindingView, 'host'>, clusterSize: number): number | null {
  if (!/^0x[0-9a-f]{1,13}$/i.test(finding.host)) {
    return null;
  }
  return Math.floor(Number(finding.host) / clusterSize);
}

/** The byte of the file that a finding is about: its field, or else what that leads to. null if it has none in the file. */
export function byteOfFinding({at, host}: Pick<FindingView, 'at' | 'host'>, fileSize: number): bigint | null {
  const byte = offsetOf(at) ?? offsetOf(host);
  return byte !== null && byte < BigInt(fileSize) ? byte : null;
}
