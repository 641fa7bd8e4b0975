import type {Problem} from '../protocol/protocol.gen';

/** Problems that the page itself finds; the core brings its own. */

export function stopped(): Problem {
  return {
    kind: 'cancelled',
    title: 'Stopped, as you asked.',
    where: '',
    advice: 'Nothing was changed. You can start again at any time.',
    detail: '',
  };
}

/** The core ended by itself. Its last words tell why. */
export function crashed(exitCode: number | null, lastWords: string): Problem {
  const memory = /out of memory|cannot allocate/i.test(lastWords);
  const detail = [exitCode === null ? '' : `exit code ${exitCode}`, lastWords].filter((text) => text !== '').join('\n');
  return memory
    ? {
        kind: 'memory',
        title: 'This browser tab ran out of memory.',
        where: '',
        advice: 'Close other tabs and try again, or check this image with the command-line tool. The file is unchanged.',
        detail,
      }
    : {
        kind: 'internal',
        title: 'The checker stopped unexpectedly. This is a fault of this page, not of your image.',
        where: '',
        advice: 'The file is unchanged. Try again; if it happens again, please report the details below.',
        detail,
      };
}

export function notStarted(detail: string): Problem {
  return {
    kind: 'internal',
    title: 'The checker could not be started.',
    where: '',
    advice:
      'Reload the page. It needs a current browser: Chrome or Edge 123, Firefox 121, Safari 17.5, or newer.',
    detail,
  };
}

/** A copy of an image is made of the file, which is not on this computer. */
export function notHere(name: string): Problem {
  return {
    kind: 'save',
    title: 'This image lies on the server: a whole copy of it is not made here.',
    where: name,
    advice: 'Save the patch, and apply it where the image lies.',
    detail: '',
  };
}

export function fileChanged(detail: string): Problem {
  return {
    kind: 'changed',
    title: 'The file changed while it was open here, or can no longer be read.',
    where: '',
    advice: 'If a virtual machine is using this disk, shut it down first. Then open the file again.',
    detail,
  };
}

export function unexpected(error: unknown): Problem {
  return crashed(null, error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/** The problem that an error from the core carries, or one of our own. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Error && 'problem' in error && isProblem(error.problem)) {
    return error.problem;
  }
  return unexpected(error);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'kind' in value && 'title' in value && 'advice' in value;
}
