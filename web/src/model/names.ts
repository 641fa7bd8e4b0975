import {visibleText} from '../base/text';

const MOST_CHARACTERS = 200;
const SUFFIX = '.qcow2';

/** The name of the copy to save, which says what was done: `disk.qcow2` becomes `disk.repaired.qcow2`. */
export function changedName(name: string, marks: readonly string[]): string {
  return `${withoutSuffix(plainName(name))}.${marks.join('.')}${SUFFIX}`;
}

export function reportName(name: string, suffix = 'json'): string {
  return `${withoutSuffix(plainName(name))}.report.${suffix}`;
}

export function patchName(name: string): string {
  return `${withoutSuffix(plainName(name))}.patch.vcdiff`;
}

export function undoPatchName(name: string): string {
  return `${withoutSuffix(plainName(name))}.undo.vcdiff`;
}

/** A copy without data. */
export function skeletonName(name: string): string {
  return `${withoutSuffix(plainName(name))}.skeleton${SUFFIX}`;
}

export function skeletonArchiveName(name: string): string {
  return `${withoutSuffix(plainName(name))}.skeleton.tar.gz`;
}

export function planName(name: string): string {
  return `${withoutSuffix(plainName(name))}.plan.json`;
}

export function undoPlanName(name: string): string {
  return `${withoutSuffix(plainName(name))}.undo.json`;
}

/** A plan that leads to what a crash would leave. */
export function crashName(name: string): string {
  return `${withoutSuffix(plainName(name))}.crash.json`;
}

/** A name that every file system takes: a name of our own if nothing is left. */
function plainName(name: string): string {
  const clean = name.replaceAll(/[\p{C}/\\:*?"<>|]/gu, '_').slice(0, MOST_CHARACTERS);
  return /^[._\s]*$/.test(clean) ? 'disk' : clean;
}

function withoutSuffix(name: string): string {
  return name.toLowerCase().endsWith(SUFFIX) && name.length > SUFFIX.length ? name.slice(0, -SUFFIX.length) : name;
}

/** Which each is of those with the same name, from 1 on; null is no name. */
export function ordinals(names: readonly (string | null)[]): number[] {
  return names.map((name, i) => 1 + names.slice(0, i).filter((earlier) => earlier !== null && earlier === name).length);
}

/** A name to be read, with a number where it is not the first with that name. */
export function numberedName(name: string, ordinal: number): string {
  return ordinal > 1 ? `${visibleText(name)} (${ordinal})` : visibleText(name);
}
