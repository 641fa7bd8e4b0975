/** The clusters that are looked at closely. */
export interface Window {
  first: number;
  count: number;
}

/** A window around a cluster. It stays where it was while the cluster is well inside, or if there is none. */
export function windowAround(cluster: number | null, count: number, clusters: number, was: Window | null): Window {
  const margin = Math.min(2, Math.floor(count / 4));
  const inside =
    was !== null &&
    was.count === count &&
    (cluster === null || (cluster >= was.first + margin && cluster < was.first + count - margin));
  const wanted = inside ? was.first : (cluster ?? 0) - Math.floor(count / 2);
  return {first: Math.max(0, Math.min(wanted, clusters - count)), count: Math.min(count, clusters)};
}

/** How many clusters there is room for, with so many digits in their numbers. */
export function roomFor(width: number, clusters: number): number {
  const digits = String(clusters).length;
  return Math.max(4, Math.min(32, Math.floor(width / Math.max(34, digits * 8 + 12))));
}
