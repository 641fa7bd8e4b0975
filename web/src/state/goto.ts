import type {Result} from '../base/result';
import {failure, ok} from '../base/result';
import {hexOf, offsetOf} from '../model/hexgrid';
import {hostOffset, targetWords} from '../model/target';
import type {Target} from '../model/target';
import type {GuestClusterView, Info} from '../protocol/protocol.gen';
import type {Controller} from './controller';

/**
 * The byte of the file that a place stands for, or a sentence why there is none.
 * @param size bytes of the file as it is shown: 0x30 is the last byte of one with 49
 */
export async function byteOf(controller: Controller, info: Info, size: bigint, target: Target): Promise<Result<bigint, string>> {
  if (target.space === 'guest') {
    return guestByte(controller, info, target.offset);
  }
  const offset = hostOffset(target, info.clusterSize);
  return offset < size ? ok(offset) : failure(`${asSubject(target)} lies past the end: the file ends at ${hexOf(size)}.`);
}

function asSubject(target: Target): string {
  const words = targetWords(target);
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** Where the active layer keeps a byte of the disk. */
async function guestByte(controller: Controller, info: Info, offset: bigint): Promise<Result<bigint, string>> {
  const clusterSize = BigInt(info.clusterSize);
  const subject = asSubject({space: 'guest', offset});
  const diskSize = BigInt(info.virtualSize);
  if (offset >= diskSize) {
    return failure(`${subject} lies past the end of the disk, which has ${hexOf(diskSize)} bytes.`);
  }
  const reply = await controller.engine.call('guestCluster', {cluster: Number(offset / clusterSize), layer: 0});
  if (!reply.ok) {
    return failure(reply.error.title);
  }
  const host = offsetOf(reply.value.entries[0]?.host ?? '');
  if (host === null) {
    return failure(`${subject} has no place in this file: ${absence(reply.value)}.`);
  }
  // A compressed cluster has no byte for each of its bytes: there its stream begins.
  return ok(reply.value.kind === 'compressed' ? host : host + (offset % clusterSize));
}

function absence({kind}: GuestClusterView): string {
  switch (kind) {
    case 'zero':
      return 'it reads as zeros';
    case 'unreadable':
      return 'what maps it cannot be read';
    default:
      return 'nothing was written there';
  }
}
