import type {FindingGroup, FindingView} from '../protocol/protocol.gen';
import {offsetOf} from './hexgrid';
import {rank, severityNamed} from './severity';
import type {Severity} from './severity';

/** The groups with the worst first, and among equals the largest first. */
export function sortedGroups(groups: readonly FindingGroup[]): FindingGroup[] {
  return groups.toSorted(
    (a, b) => rank(severityNamed(b.severity)) - rank(severityNamed(a.severity)) || b.count - a.count,
  );
}

/** Which groups are shown: those of the chosen severities (all if none is chosen) that hold all words. */
export interface GroupFilter {
  severities: readonly Severity[];
  text: string;
}

export const NO_FILTER: GroupFilter = {severities: [], text: ''};

export function filteredGroups(groups: readonly FindingGroup[], filter: GroupFilter): FindingGroup[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return groups.filter((group) => {
    const severity = severityNamed(group.severity);
    const text = [group.title, group.meaning, group.cure, group.code, group.class, severity].join(' ').toLowerCase();
    const chosen = filter.severities.length === 0 || filter.severities.includes(severity);
    return chosen && words.every((word) => text.includes(word));
  });
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
  groups: readonly FindingGroup[],
  place: FindingPlace | null,
  step: 1 | -1,
): FindingPlace | null {
  const kept = groups.filter((group) => group.kept > 0);
  const at = kept.findIndex((group) => group.code === place?.code);
  const group = kept[at];
  if (place === null || group === undefined) {
    return step === 1 ? startOf(kept[0]) : endOf(kept.at(-1));
  }
  const index = place.index + step;
  if (index >= 0 && index < group.kept) {
    return {code: group.code, index};
  }
  return step === 1 ? startOf(kept[at + 1]) : endOf(at === 0 ? undefined : kept[at - 1]);
}

function startOf(group: FindingGroup | undefined): FindingPlace | null {
  return group === undefined ? null : {code: group.code, index: 0};
}

function endOf(group: FindingGroup | undefined): FindingPlace | null {
  return group === undefined ? null : {code: group.code, index: group.kept - 1};
}

/** The number of a place among all findings kept, from 1; and how many these are. */
export function placeNumber(groups: readonly FindingGroup[], place: FindingPlace): {number: number; of: number} {
  let number = 0;
  let of = 0;
  for (const group of groups) {
    number = group.code === place.code ? of + place.index + 1 : number;
    of += group.kept;
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
