import {formatBytes} from '../base/units';
import type {Info, SkeletonView} from '../protocol/protocol.gen';

/** Something of the user's that a copy without data may keep. */
interface Keepable {
  /** As the core calls it. */
  thing: string;
  label: string;
  /** What it is in this image, if that is known. */
  example: string;
  warning: string;
}

/** What of the user's is in the image beside its data. */
export function keepable(info: Info): Keepable[] {
  const all: (Keepable & {there: boolean})[] = [
    {there: info.snapshots > 0, thing: 'snapshots', label: 'Names of snapshots', example: '', warning: ''},
    {there: info.bitmaps > 0, thing: 'bitmaps', label: 'Names of bitmaps', example: '', warning: ''},
    {there: info.backingFile !== '', thing: 'backing', label: 'Name of the backing file', example: info.backingFile, warning: ''},
    {there: info.dataFile !== '', thing: 'data-file', label: 'Name of the data file', example: info.dataFile, warning: ''},
    {
      there: info.bitmaps > 0,
      thing: 'bitmap-data',
      label: 'Which parts of the disk the bitmaps mark',
      example: '',
      warning: '',
    },
    {
      there: info.encryption === 'luks',
      thing: 'luks',
      label: 'The encryption header',
      example: '',
      warning: 'It holds the keys, protected by the passphrase only.',
    },
    {there: true, thing: 'extensions', label: 'Parts of the header that are not known here', example: '', warning: ''},
  ];
  return all.filter(({there}) => there);
}

/** What a copy left out, a line for each kind. */
export function leftOut(skeleton: SkeletonView): string[] {
  const blank: [number, string][] = [
    [skeleton.data, 'of data and saved states of virtual machines are blank.'],
    [skeleton.compressed, 'of compressed data are blank: these clusters cannot be decoded in the copy.'],
    [skeleton.unused, 'that nothing points to are blank.'],
    [skeleton.bitmapData, 'of bitmaps are blank.'],
  ];
  const lines = blank.filter(([bytes]) => bytes > 0).map(([bytes, what]) => `${formatBytes(bytes)} ${what}`);
  if (skeleton.keys) {
    lines.push('The keys of the encryption are blank.');
  }
  if (skeleton.names > 0) {
    lines.push(skeleton.names === 1 ? '1 name became another.' : `${skeleton.names} names became others.`);
  }
  return lines;
}
