import {hexOf, parseHexOffset} from './hexgrid';

/** A place that a user has named: a byte of the file, one of its clusters, or a byte of the virtual disk. */
export type Target =
  | {space: 'host'; offset: bigint}
  | {space: 'cluster'; cluster: bigint}
  | {space: 'guest'; offset: bigint};

/** What can be typed, for a field's description. */
export const TARGET_EXAMPLES = '0x30000, 196608, 192K, cluster 5 or guest 1M';

const LIMIT = 1n << 63n;

/** The place in `0x30000`, `196608`, `192K`, `cluster 5`, `c5`, `guest 1M` or `g0x100000`; null if it names none. */
export function parseTarget(text: string): Target | null {
  const clean = text.trim().toLowerCase();
  const cluster = /^(?:host\s+)?(?:cluster|c|#)\s*([\d_,]+)$/.exec(clean)?.[1];
  if (cluster !== undefined) {
    const digits = cluster.replaceAll(/[_,]/g, '');
    return digits !== '' && BigInt(digits) < LIMIT ? {space: 'cluster', cluster: BigInt(digits)} : null;
  }
  const guest = /^(?:guest|disk|g)\s*(?=\d)(.+)$/.exec(clean)?.[1];
  const offset = parseHexOffset(guest ?? clean.replace(/^(?:byte|host|offset|h)\s*(?=\d)/, ''));
  return offset === null ? null : {space: guest === undefined ? 'host' : 'guest', offset};
}

/** The place in words: `byte 0x30000`. */
export function targetWords(target: Target): string {
  switch (target.space) {
    case 'host':
      return `byte ${hexOf(target.offset)}`;
    case 'cluster':
      return `cluster ${target.cluster}`;
    case 'guest':
      return `guest ${hexOf(target.offset)}`;
  }
}

/** The byte of the file that is meant, as far as that can be told without asking the tables. */
export function hostOffset(target: Exclude<Target, {space: 'guest'}>, clusterSize: number): bigint {
  return target.space === 'host' ? target.offset : target.cluster * BigInt(clusterSize);
}
