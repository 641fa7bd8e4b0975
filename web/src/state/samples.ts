import {failure, ok} from '../base/result';
import type {Result} from '../base/result';
import {fileChanged} from '../engine/problems';
import type {Problem} from '../protocol/protocol.gen';

/** A small damaged image that comes with the page. */
export interface Sample {
  id: string;
  title: string;
  /** What happened to it, in a sentence. */
  story: string;
  file: string;
  size: number;
}

const FOLDER = 'samples/';

export async function loadSamples(): Promise<Result<Sample[], string>> {
  try {
    const reply = await fetch(`${FOLDER}samples.json`);
    const list: unknown = reply.ok ? await reply.json() : null;
    return Array.isArray(list) && list.every(isSample) ? ok(list) : failure('The samples are not there.');
  } catch (error) {
    return failure(String(error));
  }
}

/** The sample as a file, as if it had been dropped. */
export async function fetchSample(sample: Sample): Promise<Result<File, string>> {
  try {
    const reply = await fetch(FOLDER + sample.file);
    if (!reply.ok) {
      return failure(`${sample.file}: ${reply.status} ${reply.statusText}`);
    }
    return ok(new File([await reply.blob()], sample.file));
  } catch (error) {
    return failure(String(error));
  }
}

function isSample(value: unknown): value is Sample {
  const texts = ['id', 'title', 'story', 'file'];
  return typeof value === 'object' && value !== null && texts.every((key) => typeof Reflect.get(value, key) === 'string');
}

/** Why a sample is not there. */
export function sampleMissing(detail: string): Problem {
  return {
    ...fileChanged(detail),
    kind: 'read',
    title: 'The sample could not be loaded.',
    advice: 'Samples come from the same server as this page. Look at the connection and try again.',
  };
}
