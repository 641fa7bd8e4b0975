import {execFile} from 'node:child_process';
import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pipeline} from 'node:stream/promises';
import {promisify} from 'node:util';

/** qemu-img and qemu-io make the images, and judge what the page made of them. */

const runFile = promisify(execFile);

export async function qemuImg(...args: string[]): Promise<string> {
  return (await runFile('qemu-img', args)).stdout;
}

/** Runs qemu-io commands on an image, in order. */
export async function qemuIo(image: string, ...commands: string[]): Promise<void> {
  const {stdout} = await runFile('qemu-io', [...commands.flatMap((c) => ['-c', c]), image]);
  if (/failed|error/i.test(stdout)) {
    throw new Error(`qemu-io ${image}: ${stdout}`);
  }
}

/** What `qemu-img check` says of an image. */
export interface Check {
  exit: number;
  corruptions: number;
  leaks: number;
}

export async function qemuCheck(image: string): Promise<Check> {
  const args = ['check', '-f', 'qcow2', '--output=json', image];
  // A line for each of a million findings goes to stderr.
  const {code, stdout} = await runFile('qemu-img', args, {maxBuffer: 1 << 28}).then(
    (done) => ({code: 0, stdout: done.stdout}),
    (e: unknown) => failedRun(e),
  );
  const report = stdout === '' ? {} : (JSON.parse(stdout) as {corruptions?: number; leaks?: number});
  return {exit: code, corruptions: report.corruptions ?? 0, leaks: report.leaks ?? 0};
}

function failedRun(e: unknown): {code: number; stdout: string} {
  if (e instanceof Error && 'code' in e && typeof e.code === 'number' && 'stdout' in e) {
    return {code: e.code, stdout: String(e.stdout)};
  }
  throw e;
}

/** A hash of all that the guest can read. */
export async function guestHash(image: string): Promise<string> {
  const raw = `${image}.raw`;
  await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', image, raw);
  const hash = await fileHash(raw);
  await rm(raw);
  return hash;
}

export async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** A folder that is gone when `use` is done. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'qcowscope-e2e-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, {recursive: true});
  }
}

/** Guest writes of known content: data, zeros, a hole, and a cluster that a snapshot shares. */
export async function makeImage(file: string, options: string): Promise<void> {
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', options, file, '64M');
  await qemuIo(file, 'write -P 0x11 0 1M', 'write -P 0x22 5M 192K', 'write -z 8M 256K', 'write -P 0x33 40M 64K');
  await qemuImg('snapshot', '-c', 'before', file);
  await qemuIo(file, 'write -P 0x44 128K 64K', 'write -P 0x55 41M 2K');
}
