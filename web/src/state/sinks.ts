import {zeros} from '../engine/blob';
import {partsOf, sizeOf} from '../model/segments';
import type {Part} from '../model/segments';
import type {Segments} from '../protocol/ops';

/** Where a file goes that comes piece by piece. None of them holds the whole of it in memory. */
export interface Sink {
  write(piece: Segments): Promise<void>;
  /** The file, complete. */
  close(): Promise<Blob>;
  abort(): Promise<void>;
}

/** A Blob for the browser's downloads: it keeps its bytes outside of the page's memory, and of zeros only their number. */
export class BlobSink implements Sink {
  private readonly pieces: Blob[] = [];

  constructor(private readonly type: string) {}

  write(piece: Segments): Promise<void> {
    this.pieces.push(new Blob(partsOf(piece, 0).map((part) => blobOfPart(part, piece.patch))));
    return Promise.resolve();
  }

  close(): Promise<Blob> {
    return Promise.resolve(new Blob(this.pieces, {type: this.type}));
  }

  abort(): Promise<void> {
    this.pieces.length = 0;
    return Promise.resolve();
  }
}

function blobOfPart(part: Part, patch: Uint8Array<ArrayBuffer>): BlobPart {
  return part.from === 'patch' ? patch.subarray(part.start, part.start + part.length) : zeros(part.length);
}

/** The same, compressed with gzip on the way. It takes bytes only, no zeros beside them. */
export class GzipSink implements Sink {
  private readonly writer: WritableStreamDefaultWriter<BufferSource>;
  private readonly compressed: Promise<Blob>;

  constructor(type: string) {
    const gzip = new CompressionStream('gzip');
    this.writer = gzip.writable.getWriter();
    this.compressed = new Response(gzip.readable).blob().then((blob) => new Blob([blob], {type}));
    this.compressed.catch(() => undefined); // close tells it
  }

  async write(piece: Segments): Promise<void> {
    await this.writer.write(piece.patch);
  }

  async close(): Promise<Blob> {
    await this.writer.close();
    return this.compressed;
  }

  async abort(): Promise<void> {
    await this.writer.abort().catch(() => undefined);
  }
}

/** A file that the user chose a place for. What is zero is not written: the file is sparse where the disk can be. */
export class FileSink implements Sink {
  private at = 0;

  private constructor(
    private readonly place: FileSystemFileHandle,
    private readonly target: FileSystemWritableFileStream,
  ) {}

  static async to(place: FileSystemFileHandle): Promise<FileSink> {
    return new FileSink(place, await place.createWritable());
  }

  async write(piece: Segments): Promise<void> {
    const parts = partsOf(piece, 0);
    let at = this.at;
    for (const part of parts) {
      if (part.from === 'patch') {
        const data = piece.patch.subarray(part.start, part.start + part.length);
        await this.target.write({type: 'write', position: at, data});
      }
      at += part.length;
    }
    this.at += sizeOf(parts);
  }

  async close(): Promise<File> {
    await this.target.truncate(this.at);
    await this.target.close();
    return this.place.getFile();
  }

  async abort(): Promise<void> {
    await this.target.abort().catch(() => undefined);
  }
}
