import {cpus, release, totalmem, type} from 'node:os';
import {findChromium, findGo} from '../setup.mjs';
import {must} from '../process.mjs';

/** What the numbers were measured on and with. */
export async function machine() {
  const firstLine = (/** @type {string} */ text) => text.split('\n')[0]?.trim() ?? '';
  const go = await findGo();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: firstLine(await must('Asking git', 'git', ['describe', '--always', '--dirty'])),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    go: go.version,
    node: process.version,
    qemuImg: firstLine(await must('Asking qemu-img', 'qemu-img', ['--version'])),
    chromium: firstLine(await must('Asking Chromium', findChromium() ?? 'chromium', ['--version'])),
  };
}
