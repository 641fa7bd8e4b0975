import {SEVERITIES} from './severity';
import type {Severity} from './severity';

/** What one check of an image found. */
export interface Point {
  checked: string;
  'exit-code': number;
  corruptions: number;
  leaks: number;
  'file-size': number;
}

export interface Summary extends Point {
  verdict: string;
  'check-errors': number;
  /** Why there is no verdict. */
  reason?: string;
  /** The versions before, the last one first. */
  history?: Point[];
}

/** An image in the bucket, as the server lists it. */
export interface FleetImage {
  key: string;
  'file-size': number;
  etag: string;
  uploaded: string;
  /** The result is of this version. */
  current: boolean;
  result?: Summary;
}

/** How far a run over many images is. */
export interface FleetRun {
  id: string;
  prefix: string;
  state: string;
  counts: {images: number; done: number; corrupt: number; unreadable: number; leaks: number; clean: number; 'other-files': number};
}

/** The classes of verdicts, worst first. */
export const STANDINGS = ['corrupt', 'unreadable', 'newer', 'unchecked', 'other', 'leaks', 'clean'] as const;

export type Standing = (typeof STANDINGS)[number];

/** Each has a word and the severity whose sign it carries. */
export const STANDING_FACTS: Record<Standing, {word: string; severity: Severity}> = {
  corrupt: {word: 'Corrupt', severity: 'danger'},
  unreadable: {word: 'Not checkable', severity: 'damage'},
  newer: {word: 'Made by a newer program', severity: 'note'},
  unchecked: {word: 'Not checked yet', severity: 'note'},
  other: {word: 'Not qcow2', severity: 'note'},
  leaks: {word: 'Leaks', severity: 'waste'},
  clean: {word: 'Clean', severity: 'none'},
};

const OF_EXIT = new Map<number, Standing>([
  [0, 'clean'],
  [2, 'corrupt'],
  [3, 'leaks'],
  [63, 'other'],
]);

export function standingOf(image: FleetImage): Standing {
  const {result} = image;
  if (result === undefined) {
    return 'unchecked';
  }
  // What is only a warning and still ends the check is a feature that is not known here.
  const newer = result['exit-code'] === 1 && result.verdict === 'warning';
  return newer ? 'newer' : (OF_EXIT.get(result['exit-code']) ?? 'unreadable');
}

/** The sign of an image: of its class or, if a finding that a plain check does not count is worse, of that. */
export function signOf(image: FleetImage): Severity {
  const standing = standingOf(image);
  const {severity} = STANDING_FACTS[standing];
  if (standing === 'newer') {
    return severity;
  }
  const found = SEVERITIES.findIndex((name) => name === image.result?.verdict);
  return SEVERITIES[Math.max(found, SEVERITIES.indexOf(severity))] ?? severity;
}

export type Column = 'verdict' | 'image' | 'size' | 'checked';

export interface Listing {
  /** Part of the key. */
  text: string;
  /** Only these classes; all if empty. */
  only: readonly Standing[];
  by: Column;
  descending: boolean;
}

export const WORST_FIRST: Listing = {text: '', only: [], by: 'verdict', descending: false};

/** The images that are asked for, in the order that is asked for. */
export function listed(images: readonly FleetImage[], {text, only, by, descending}: Listing): FleetImage[] {
  const wanted = text.trim().toLowerCase();
  const found = images.filter((image) => image.key.toLowerCase().includes(wanted) && (only.length === 0 || only.includes(standingOf(image))));
  const sign = descending ? -1 : 1;
  return found.sort((a, b) => sign * compare[by](a, b) || (a.key < b.key ? -1 : 1));
}

const compare: Record<Column, (a: FleetImage, b: FleetImage) => number> = {
  verdict: (a, b) =>
    STANDINGS.indexOf(standingOf(a)) - STANDINGS.indexOf(standingOf(b)) || (b.result?.corruptions ?? 0) - (a.result?.corruptions ?? 0),
  image: (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  size: (a, b) => a['file-size'] - b['file-size'],
  checked: (a, b) => Date.parse(a.result?.checked ?? '') - Date.parse(b.result?.checked ?? '') || 0,
};

/** How an image has developed since the version before. */
export type Trend = 'first' | 'better' | 'same' | 'worse';

export const TREND_WORDS: Record<Trend, string> = {first: 'first check', better: 'better', same: 'no change', worse: 'worse'};

/** All checks that are known, the oldest first. */
export function pointsOf({result}: FleetImage): Point[] {
  return result === undefined ? [] : [...(result.history ?? []).toReversed(), result];
}

export function trendOf(image: FleetImage): Trend {
  const [last, before] = pointsOf(image).toReversed();
  if (last === undefined || before === undefined) {
    return 'first';
  }
  const step = badness(last) - badness(before);
  return step > 0 ? 'worse' : step < 0 ? 'better' : 'same';
}

/** Any corruption is worse than any number of leaks, and no verdict is worse than any. */
export function badness(point: Point): number {
  const exit = point['exit-code'];
  return (exit === 1 || exit === 63 ? 1e30 : 0) + point.corruptions * 1e12 + point.leaks;
}

/** How many images there are of each class. */
export function countsOf(images: readonly FleetImage[]): Map<Standing, number> {
  const counts = new Map<Standing, number>(STANDINGS.map((standing) => [standing, 0]));
  for (const image of images) {
    const standing = standingOf(image);
    counts.set(standing, (counts.get(standing) ?? 0) + 1);
  }
  return counts;
}
