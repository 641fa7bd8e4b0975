import {formatBytes, plural} from '../base/units';
import type {RedirectBatch, Redirected} from '../protocol/protocol.gen';

/** What a redirected plan costs, in a sentence. */
export function costText({moved, clusters, tableBytes, dataBytes}: Redirected): string {
  if (moved === 0 && clusters === 0) {
    return 'Nothing live is overwritten by this plan anyway: it costs nothing more.';
  }
  const data = dataBytes === 0 ? '' : ` and ${formatBytes(dataBytes)} of the disk's data`;
  const copied = tableBytes + dataBytes === 0 ? '' : `: ${formatBytes(tableBytes)} of tables${data} get a new place`;
  return `It takes ${plural(clusters, 'free cluster')}${copied}. The old places are free afterwards.`;
}

interface BatchWords {
  title: string;
  /** After the amount that it writes. */
  text: string;
  /** What a crash leaves once it is on the disk. */
  after: string;
}

/** What a batch is for. */
export function batchWords(batches: readonly RedirectBatch[], index: number): BatchWords {
  const batch = batches[index];
  const number = `${index + 1}. `;
  const steps = batches.filter(({kind}) => kind === 'header').length;
  const lastStep = batches[index + 1]?.kind !== 'header';
  switch (batch?.kind) {
    case 'header':
      return {
        title: number + (lastStep ? 'The switch' : 'Before the switch'),
        text: steps > 1 && !lastStep ? 'of the header' : "in the header's first sector",
        after: lastStep ? 'From here on a crash leaves the new image.' : 'A crash leaves the old image still.',
      };
    case 'late':
      return {title: `${number}Afterwards`, text: 'that nobody refers to any more', after: 'A crash leaves the new image.'};
    case 'cut':
      return {title: `${number}Cut the end`, text: 'that are free leave the file', after: 'A crash leaves the new image.'};
    default:
      return {title: `${number}Free clusters only`, text: 'where nothing live is', after: 'Until here a crash leaves the old image.'};
  }
}
