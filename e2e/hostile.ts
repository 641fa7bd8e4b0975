import {open, type FileHandle} from 'node:fs/promises';
import type {Page} from 'playwright-core';
import {qemuImg, qemuIo} from './qemu';

/**
 * A name that would do harm wherever it is not taken for text: markup that runs scripts, characters that turn the text
 * around them, and ones that cannot be seen. MARK is in all of them, so that they are found.
 */
export const MARK = 'EVIL';

const harmful = [
  `<img src=x onerror="owned=1">`,
  `<script>owned=2</script>`,
  `"><svg onload=owned=3>`,
  `javascript:owned=4`,
  `\u202Etxt.exe\u2066`,
  `\u0007\u001b[31m\u0008\u200b\ufeff`,
  `'-owned++-'{{owned}}\${owned}&lt;b&gt;`,
];

/** A harmful name of at most so many bytes. */
function nameOf(kind: string, most: number): string {
  let name = `${MARK}-${kind}`;
  for (const part of harmful) {
    if (Buffer.byteLength(name + part) <= most) {
      name += part;
    }
  }
  return name;
}

/** Harmful names that a feature name table has room for. */
const features = ['<img src=x onerror=owned=5>', '\u202Emoc\u2066<b>x</b>\u0007', '<script>owned=6</script>'];

/** An image whose snapshots, bitmaps, backing file and feature names are harmful; it has findings that name them. */
export async function makeHostileImage(file: string): Promise<void> {
  await qemuImg('create', '-q', '-f', 'qcow2', file, '8M');
  await qemuIo(file, 'write -P 0x11 0 128K');
  for (const i of [1, 2]) {
    await qemuImg('snapshot', '-c', nameOf(`snapshot-${i}`, 250), file);
    await qemuImg('bitmap', '--add', file, nameOf(`bitmap-${i}`, 900));
  }
  await qemuImg('rebase', '-u', '-b', nameOf('backing', 900), '-F', 'raw', file);
  await withFile(file, async (image) => {
    const {features: table, bitmaps} = await extensions(image);
    for (const [i, text] of features.entries()) {
      const entry = Buffer.alloc(48);
      entry[0] = 1; // compatible
      entry[1] = 40 + i; // a bit that nobody knows
      entry.write(`${MARK}${text}`, 2, 46);
      await image.write(entry, 0, 48, table + 48 * i);
    }
    await setBits(image, 80, 7n << 40n);
    // The first bitmap is in use: a finding names it.
    const directory = Number(await u64(image, bitmaps + 16));
    await setBits(image, directory + 8, 1n);
  });
}

/** An image that names a harmful data file. */
export async function makeHostileDataFile(file: string, folder: string): Promise<void> {
  const data = `${folder}/data.raw`;
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${data}`, file, '1M');
  await withFile(file, async (image) => {
    const {dataFile} = await extensions(image);
    const name = Buffer.alloc(data.length, '.');
    name.write(`${MARK}<img src=x onerror=owned=7>`, 0, data.length);
    await image.write(name, 0, name.length, dataFile);
  });
}

async function withFile(file: string, use: (image: FileHandle) => Promise<void>): Promise<void> {
  const image = await open(file, 'r+');
  try {
    await use(image);
  } finally {
    await image.close();
  }
}

async function u64(image: FileHandle, at: number): Promise<bigint> {
  const word = Buffer.alloc(8);
  await image.read(word, 0, 8, at);
  return word.readBigUInt64BE();
}

async function setBits(image: FileHandle, at: number, bits: bigint): Promise<void> {
  const word = Buffer.alloc(8);
  word.writeBigUInt64BE((await u64(image, at)) | bits);
  await image.write(word, 0, 8, at);
}

/** Where the payloads of the header's extensions are; 0 if there is none. */
async function extensions(image: FileHandle): Promise<{features: number; bitmaps: number; dataFile: number}> {
  const found = new Map<number, number>();
  const head = Buffer.alloc(4096);
  await image.read(head, 0, head.length, 0);
  for (let at = head.readUInt32BE(100); at < head.length - 8 && head.readUInt32BE(at) !== 0; ) {
    found.set(head.readUInt32BE(at), at + 8);
    at += 8 + Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
  }
  return {features: found.get(0x6803f857) ?? 0, bitmaps: found.get(0x23852875) ?? 0, dataFile: found.get(0x44415441) ?? 0};
}

/** What a page must never have after it has shown such names; empty in a good run. */
export async function harmIn(page: Page): Promise<string[]> {
  return page.evaluate((mark) => {
    const harm: string[] = [];
    if (Reflect.has(window, 'owned')) {
      harm.push(`a script ran: owned is ${String(Reflect.get(window, 'owned'))}`);
    }
    for (const violation of (Reflect.get(window, 'violations') ?? []) as string[]) {
      harm.push(`the policy had to stop something: ${violation}`);
    }
    for (const element of document.querySelectorAll('img[src="x"], [onerror], [onload], script:not([src]), iframe, object, embed, [href^="javascript:"]')) {
      harm.push(`an element was made: ${element.outerHTML.slice(0, 200)}`);
    }
    const hidden = /[\p{Cc}\p{Cf}\u2028\u2029]/u;
    const visible = (text: string) => text.replaceAll(/[\n\t]/g, '');
    const seen = (where: string, text: string) => {
      if (hidden.test(visible(text))) {
        harm.push(`${where} has characters that are not seen: ${JSON.stringify(text.slice(0, 200))}`);
      }
    };
    seen('the title', document.title);
    for (const element of document.querySelectorAll('*')) {
      for (const {name, value} of element.attributes) {
        seen(`${element.tagName} ${name}`, value);
      }
    }
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = node.textContent ?? '';
      seen(`text in ${node.parentElement?.tagName ?? ''} ${node.parentElement?.className ?? ''}`, text);
      if (text.includes(mark) && node.parentElement?.closest('bdi, title, style, option') === null) {
        harm.push(`a name is not kept apart in ${node.parentElement.outerHTML.slice(0, 200)}`);
      }
    }
    return harm;
  }, MARK);
}

/** Notes what the page's policy stops. To be called before the page loads. */
export async function watchPolicy(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const violations: string[] = [];
    Object.assign(window, {violations});
    document.addEventListener('securitypolicyviolation', (event) => {
      violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
}
