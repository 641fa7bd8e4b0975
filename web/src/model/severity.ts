/** How bad a finding is, best first. The order is that of the severities in a tile's cell. */
export const SEVERITIES = ['none', 'note', 'waste', 'warning', 'damage', 'danger'] as const;

export type Severity = (typeof SEVERITIES)[number];

/** Each severity has a word, a shape and a sentence: never only a colour. */
export const SEVERITY_FACTS: Record<Severity, {word: string; meaning: string}> = {
  none: {word: 'Fine', meaning: 'Nothing was found here.'},
  note: {word: 'Note', meaning: 'Good to know, nothing to do.'},
  waste: {word: 'Waste', meaning: 'Space is wasted, no data is at risk.'},
  warning: {word: 'Warning', meaning: 'Not as it should be. No data is damaged by it, but a program may refuse the image.'},
  damage: {word: 'Damage', meaning: 'Some data can no longer be reached as it was.'},
  danger: {word: 'Danger', meaning: 'Starting the machine can destroy data.'},
};

export function severityNamed(name: string): Severity {
  return SEVERITIES.find((severity) => severity === name) ?? 'none';
}

/** Larger is worse. */
export function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
