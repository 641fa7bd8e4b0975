/**
 * Something that the person at the keyboard can mend: what went wrong, and what to do.
 * Programs print it without a stack; any other error is our own bug and keeps its stack.
 */
export class Failure extends Error {
  /**
   * @param {string} what
   * @param {string} [advice]
   */
  constructor(what, advice = '') {
    super(advice === '' ? what : `${what}\n  What to do: ${advice}`);
    this.name = 'Failure';
  }
}

/**
 * Runs a program's main function, and ends the process with 1 when it fails.
 * @param {() => Promise<number | void>} main resolves with the exit code, 0 if none
 */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (e) {
    console.error(e instanceof Failure ? `\n${e.message}` : e);
    process.exitCode = 1;
  }
}
