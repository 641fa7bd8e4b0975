import {failure, ok} from '../base/result';
import type {Result} from '../base/result';
import type {RemoteImage} from '../engine/remote';
import type {FleetImage, FleetRun} from '../model/fleet';
import type {Problem} from '../protocol/protocol.gen';

/** A page of the bucket's images. */
interface ImagesPage {
  images: FleetImage[];
  cursor?: string;
}

/** The service of the server that this page comes from; see docs/openapi.json. */
export class FleetApi {
  /** @param base the address of the API, with a slash at its end */
  constructor(
    private readonly base: URL,
    private readonly token: string,
  ) {}

  /** Whether the service is on. Needs no token. */
  static async isOn(base: URL): Promise<boolean> {
    const health = await fetch(new URL('health', base), {cache: 'no-store'})
      .then((reply): Promise<unknown> => reply.json())
      .catch(() => null);
    return typeof health === 'object' && health !== null && Reflect.get(health, 'api') === true;
  }

  images(cursor: string): Promise<Result<ImagesPage, Problem>> {
    return this.ask('GET', `images?limit=1000&cursor=${encodeURIComponent(cursor)}`);
  }

  /** Begins a check of all images whose keys begin so. */
  begin(prefix: string): Promise<Result<{fleet: string}, Problem>> {
    return this.ask('POST', 'fleet', {prefix});
  }

  run(id: string): Promise<Result<FleetRun, Problem>> {
    return this.ask('GET', `fleet/${encodeURIComponent(id)}?limit=1`);
  }

  /** Checks one image now; a large one is left to a run, which is named then. */
  check(key: string): Promise<Result<{fleet?: string}, Problem>> {
    return this.ask('POST', 'check', {key});
  }

  /** The image as one that can be opened. */
  remote({key, etag, 'file-size': size}: FleetImage): RemoteImage {
    const url = new URL(`images/${encodeURIComponent(key)}/content`, this.base).href;
    return {name: key.split('/').at(-1) ?? key, size, url, etag, token: this.token};
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<Result<T, Problem>> {
    const headers = {authorization: `Bearer ${this.token}`, 'content-type': 'application/json'};
    try {
      const reply = await fetch(new URL(path, this.base), {
        method,
        headers,
        cache: 'no-store',
        ...(body === undefined ? {} : {body: JSON.stringify(body)}),
      });
      const answer: unknown = await reply.json();
      return reply.ok ? ok(answer as T) : failure(refused(reply.status, answer));
    } catch (error) {
      return failure(unreachable(String(error)));
    }
  }
}

function refused(status: number, answer: unknown): Problem {
  const problem: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'problem') : null;
  const text = (name: string) => {
    const value: unknown = typeof problem === 'object' && problem !== null ? Reflect.get(problem, name) : '';
    return typeof value === 'string' ? value : '';
  };
  return status === 401
    ? {kind: 'token', title: 'The server does not know this token.', where: '', advice: 'Look at it again, or ask who runs the server.', detail: ''}
    : {kind: 'server', title: text('what') || `The server answers ${status}.`, where: text('where'), advice: text('advice'), detail: ''};
}

function unreachable(detail: string): Problem {
  return {kind: 'server', title: 'The server cannot be reached.', where: '', advice: 'Look at the connection and try again.', detail};
}
