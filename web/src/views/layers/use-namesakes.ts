import {isRemote} from '../../engine/remote';
import type {LayersOutside} from '../../protocol/protocol.gen';
import {useController, useStore} from '../app-context';
import {useDesk} from '../desk-context';

/**
 * The files that are open beside this image and are called like the one that it names: who chose a disk and its parent
 * together need not choose the parent again.
 */
export function useNamesakes({name, opens}: LayersOutside): File[] {
  const controller = useController();
  const {places} = useStore(useDesk().state);
  const wanted = new Set([name, ...opens].map(lastPart));
  return places.flatMap((place) => {
    const file = place.controller.original?.file;
    return place.controller === controller || file === undefined || isRemote(file) || !wanted.has(file.name) ? [] : [file];
  });
}

/** What a path ends with. */
function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
