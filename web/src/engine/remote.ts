import type {Range} from './reader';

/** An image that lies on the server of this page. It is read by ranges and never as a whole. */
export interface RemoteImage {
  name: string;
  size: number;
  /** Where its bytes are given out. */
  url: string;
  /** The version: another one is another file. */
  etag: string;
  token: string;
}

/** A file of the user, or an image on the server. */
export type ImageFile = File | RemoteImage;

export function isRemote(file: ImageFile): file is RemoteImage {
  return !(file instanceof Blob);
}

/** The longest range that the server gives at a time. */
export const LONGEST = 4 << 20;

/** The server lets a page ask only so often; it is asked again after a while, at most so many times. */
const TRIES = 8;
const WAIT_MS = 2000;

/** The file is not the one that was opened, or is there no more. Named as browsers call that of files. */
function gone(why: string): DOMException {
  return new DOMException(why, 'NotReadableError');
}

/** Reads ranges into one buffer, one after the other. */
export async function readRemote(image: RemoteImage, ranges: readonly Range[]): Promise<ArrayBuffer> {
  const all = new Uint8Array(ranges.reduce((sum, {start, end}) => sum + end - start, 0));
  const jobs: Promise<void>[] = [];
  let at = 0;
  for (const {start, end} of ranges) {
    for (let from = start; from < end; from += LONGEST) {
      const to = Math.min(end, from + LONGEST);
      const into = all.subarray(at, at + to - from);
      jobs.push(readPart(image, from, into));
      at += to - from;
    }
  }
  await Promise.all(jobs);
  return all.buffer;
}

async function readPart(image: RemoteImage, from: number, into: Uint8Array): Promise<void> {
  const reply = await ask(image, 'GET', {range: `bytes=${from}-${from + into.length - 1}`});
  if (reply.status !== 206) {
    throw new Error(`the server answers ${reply.status}`);
  }
  const bytes = new Uint8Array(await reply.arrayBuffer());
  if (bytes.length !== into.length) {
    throw gone('the server gives other bytes than were asked for');
  }
  into.set(bytes);
}

/** Whether the image is still the version that was opened. */
export async function isSameVersion(image: RemoteImage): Promise<boolean> {
  return ask(image, 'HEAD', {}).then(
    (reply) => reply.ok,
    () => false,
  );
}

async function ask(image: RemoteImage, method: string, headers: Record<string, string>): Promise<Response> {
  const all = {...headers, authorization: `Bearer ${image.token}`, 'if-match': `"${image.etag}"`};
  for (let tries = 1; ; tries++) {
    const reply = await fetch(image.url, {method, headers: all, cache: 'no-store'});
    switch (reply.status) {
      case 404:
      case 409:
      case 412:
        throw gone('the image on the server is another one now');
      case 429:
      case 503:
        if (tries < TRIES) {
          await new Promise((resolve) => setTimeout(resolve, waitOf(reply)));
          continue;
        }
    }
    return reply;
  }
}

function waitOf(reply: Response): number {
  const seconds = Number(reply.headers.get('retry-after'));
  return seconds > 0 && seconds <= 60 ? seconds * 1000 : WAIT_MS;
}
