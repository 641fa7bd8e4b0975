/** The worker that reads scattered ranges of the file, so that the core need not wait for slices. */
import * as Comlink from 'comlink';
import {readRanges} from './reader';
import type {Range} from './reader';

/** What the engine's worker asks of it. */
export interface Reader {
  read(file: Blob, ranges: readonly Range[]): Promise<ArrayBuffer>;
}

const reader: Reader = {
  read: async (file, ranges) => {
    const bytes = await readRanges(file, ranges);
    return Comlink.transfer(bytes, [bytes]);
  },
};
Comlink.expose(reader);
