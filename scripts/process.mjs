import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {root} from './paths.mjs';
import {Failure} from './failure.mjs';

/**
 * @typedef {object} Result
 * @property {number} code exit code; 127 if the program is not there, 128 or more if a signal ended it
 * @property {string} stdout
 * @property {string} output both streams, in the order they came
 */

/**
 * Runs a program from the repository's root, without a shell and without input.
 * @param {string} command
 * @param {string[]} args
 * @param {{env?: Record<string, string>, cwd?: string}} [options] env is added to ours
 * @returns {Promise<Result>}
 */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: {...process.env, ...options.env},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  try {
    const [code, signal] = await once(child, 'close');
    return {code: code ?? 128, stdout, output: signal === null ? output : `${output}\nended by ${signal}\n`};
  } catch (e) {
    const missing = e instanceof Error && 'code' in e && e.code === 'ENOENT';
    return {code: missing ? 127 : 126, stdout, output: `${command}: ${missing ? 'not found' : String(e)}\n`};
  }
}

/**
 * Runs a program that must succeed.
 * @param {string} what what it does, for the message
 * @param {string} command
 * @param {string[]} args
 * @param {{env?: Record<string, string>, cwd?: string, advice?: string}} [options]
 * @returns {Promise<string>} its standard output
 */
export async function must(what, command, args, options = {}) {
  const {code, stdout, output} = await run(command, args, options);
  if (code !== 0) {
    const line = [command, ...args].join(' ');
    throw new Failure(
      `${what} failed (exit ${code}).\n  Command: ${line}\n${output.trimEnd()}`,
      options.advice ?? 'read the lines above; they are the command’s own words.',
    );
  }
  return stdout;
}
