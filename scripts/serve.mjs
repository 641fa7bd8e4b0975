import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {promisify} from 'node:util';
import {brotliCompress, constants, gzip} from 'node:zlib';
import {Failure} from './failure.mjs';
import {cacheControl, securityHeaders} from './headers.mjs';

/** @type {Record<string, string>} */
const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};
const uncompressed = new Set(['.png', '.ico', '.qcow2']);

/**
 * The encodings that we offer, best first. Brotli's middle level is within a few per cent of
 * its best, and takes a moment instead of seconds.
 * @type {[string, (bytes: Buffer) => Promise<Buffer>][]}
 */
const encodings = [
  ['br', (bytes) => promisify(brotliCompress)(bytes, {params: {[constants.BROTLI_PARAM_QUALITY]: 5}})],
  ['gzip', (bytes) => promisify(gzip)(bytes)],
];

/**
 * Serves the files of a folder, and nothing else, on this computer only.
 * @param {{folder: string, port: number, tries?: number}} options tries: how many ports to try, from port on
 * @returns {Promise<{url: string, close: () => Promise<void>}>}
 */
export async function serve({folder, port, tries = 1}) {
  /** Compressed files, by encoding and content. @type {Map<string, Buffer>} */
  const compressed = new Map();
  const server = createServer((request, response) => {
    answer(folder, compressed, request, response).catch((/** @type {unknown} */ e) => {
      console.error(e);
      response.destroy();
    });
  });
  const bound = await listen(server, port, tries);
  return {
    url: `http://127.0.0.1:${bound}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * @param {import('node:http').Server} server
 * @param {number} port
 * @param {number} tries
 * @returns {Promise<number>}
 */
async function listen(server, port, tries) {
  for (let p = port; p < port + tries; p++) {
    const error = await new Promise((resolve) => {
      server.once('error', resolve).listen(p, '127.0.0.1', () => {
        server.off('error', resolve);
        resolve(undefined);
      });
    });
    if (error === undefined) {
      const address = server.address();
      return address !== null && typeof address === 'object' ? address.port : p;
    }
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') {
      throw error;
    }
  }
  const range = tries === 1 ? `Port ${port} is` : `Ports ${port} to ${port + tries - 1} are`;
  throw new Failure(`${range} in use or not allowed.`, 'choose another one, for example: npm start -- --port 8080');
}

/**
 * @param {string} folder
 * @param {Map<string, Buffer>} compressed
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function answer(folder, compressed, request, response) {
  for (const [name, value] of Object.entries(securityHeaders)) {
    response.setHeader(name, value);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, {allow: 'GET, HEAD'}).end();
    return;
  }
  const file = fileFor(folder, request.url ?? '/');
  const bytes = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  if (file === undefined || bytes === undefined) {
    response.writeHead(404, {'content-type': 'text/plain; charset=utf-8'}).end('Not found\n');
    return;
  }
  const extension = path.extname(file);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  response.setHeader('content-type', types[extension] ?? 'application/octet-stream');
  response.setHeader('cache-control', cacheControl(request.url ?? '/'));
  response.setHeader('etag', etag);
  response.setHeader('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end();
    return;
  }
  const accepted = uncompressed.has(extension) ? '' : request.headers['accept-encoding'] ?? '';
  const [encoding, body] = await encode(compressed, bytes, etag, String(accepted));
  if (encoding !== '') {
    response.setHeader('content-encoding', encoding);
  }
  response.setHeader('content-length', body.length);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/**
 * The file that an address names, or undefined if it names none inside the folder.
 * @param {string} folder
 * @param {string} url
 */
function fileFor(folder, url) {
  let name;
  try {
    name = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
  const file = path.resolve(folder, `.${name.endsWith('/') ? `${name}index.html` : name}`);
  return file.startsWith(path.resolve(folder) + path.sep) && !name.includes('\0') ? file : undefined;
}

/**
 * @param {Map<string, Buffer>} compressed
 * @param {Buffer} bytes
 * @param {string} etag
 * @param {string} accepted the request's accept-encoding
 * @returns {Promise<[string, Buffer]>}
 */
async function encode(compressed, bytes, etag, accepted) {
  const names = accepted.split(',').map((part) => part.trim().split(';')[0]);
  for (const [name, work] of encodings) {
    if (names.includes(name)) {
      const key = `${name} ${etag}`;
      const body = compressed.get(key) ?? (await work(bytes));
      compressed.set(key, body);
      return [name, body];
    }
  }
  return ['', bytes];
}
