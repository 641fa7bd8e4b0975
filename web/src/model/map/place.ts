/** A cluster that is meant: of the file, or of the virtual disk as a layer has it. */
export type MapPlace = {space: 'host'; cluster: number} | {space: 'guest'; layer: number; cluster: number};

export function inFile(cluster: number): MapPlace {
  return {space: 'host', cluster};
}

export function onDisk(layer: number, cluster: number): MapPlace {
  return {space: 'guest', layer, cluster};
}

export function samePlace(a: MapPlace | null, b: MapPlace | null): boolean {
  return a === b || (a !== null && b !== null && keyOfPlace(a) === keyOfPlace(b));
}

function keyOfPlace(place: MapPlace): string {
  return place.space === 'host' ? `host ${place.cluster}` : `guest ${place.layer} ${place.cluster}`;
}

/** The host cluster that is meant, null if it is a guest cluster or none. */
export function hostClusterOf(place: MapPlace | null): number | null {
  return place?.space === 'host' ? place.cluster : null;
}
