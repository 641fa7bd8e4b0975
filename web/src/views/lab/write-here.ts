import type {Span} from '../../model/writerange';
import type {Controller} from '../../state/controller';
import {USUAL_FILL} from '../../state/write';
import {goTo} from '../go-to';

/** Shows in the Lab what a write to this part of the disk would do. */
export function writeHere(controller: Controller, {offset, length}: Span, clusterSize: number): void {
  controller.writing.picked.update(({request}) => ({
    request: {kind: 'write', unmap: false, fill: USUAL_FILL, ...request, offset, length},
    cluster: Math.floor(offset / clusterSize),
  }));
  controller.change({lab: 'write'});
  goTo('lab');
}
