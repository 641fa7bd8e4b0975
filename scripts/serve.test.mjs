import assert from 'node:assert/strict';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {request} from 'node:http';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {gunzipSync} from 'node:zlib';
import {Failure} from './failure.mjs';
import {serve} from './serve.mjs';

let folder = '';
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
const page = '<!doctype html><title>hello</title>'.repeat(20);

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'serve-'));
  writeFileSync(path.join(folder, 'index.html'), page);
  mkdirSync(path.join(folder, 'assets'));
  writeFileSync(path.join(folder, 'assets/index-1a2b.js'), '');
  writeFileSync(path.join(folder, 'engine.wasm'), Buffer.from([0, 0x61, 0x73, 0x6d]));
  server = await serve({folder, port: 0});
});
after(async () => {
  await server.close();
  rmSync(folder, {recursive: true});
});

/**
 * A request as it stands: no client-side tidying of the path, no decompression.
 * @param {string} url
 * @param {import('node:http').RequestOptions} [options]
 * @returns {Promise<{status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer}>}
 */
function raw(url, options = {}) {
  const {port} = new URL(server.url);
  return new Promise((resolve, reject) => {
    request({host: '127.0.0.1', port, path: url, ...options}, (response) => {
      /** @type {Buffer[]} */
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts)}));
    })
      .on('error', reject)
      .end();
  });
}

test('the page, with the headers that keep an image inside', async () => {
  const {status, headers, body} = await raw('/');
  assert.equal(status, 200);
  assert.equal(body.toString(), page);
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(String(headers['content-security-policy']), /default-src 'none';.*connect-src 'self'/);
});

test('kept for ever is only what has a hash in its name', async () => {
  assert.equal((await raw('/')).headers['cache-control'], 'no-cache');
  assert.equal((await raw('/assets/index-1a2b.js')).headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal((await raw('/assets/missing.js')).headers['cache-control'], undefined);
});

test('WebAssembly has its own type', async () => {
  assert.equal((await raw('/engine.wasm')).headers['content-type'], 'application/wasm');
});

test('compressed when the browser asks for it, and the same bytes', async () => {
  const {headers, body} = await raw('/', {headers: {'accept-encoding': 'gzip'}});
  assert.equal(headers['content-encoding'], 'gzip');
  assert.ok(body.length < page.length);
  assert.equal(gunzipSync(body).toString(), page);
});

test('not sent again when the browser has it', async () => {
  const {headers} = await raw('/');
  const again = await raw('/', {headers: {'if-none-match': String(headers.etag)}});
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
});

test('nothing outside the folder, nothing but reading', async () => {
  for (const url of ['/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2fetc%2fpasswd', '//etc/passwd', '/%', '/%00', '/missing']) {
    assert.equal((await raw(url)).status, 404, url);
  }
  assert.equal((await raw('/', {method: 'POST'})).status, 405);
  assert.equal((await raw('/', {method: 'HEAD'})).body.length, 0);
});

test('a port in use: the next free one, or a clear message', async () => {
  const port = Number(new URL(server.url).port);
  const next = await serve({folder, port, tries: 50});
  assert.notEqual(next.url, server.url);
  await next.close();
  await assert.rejects(serve({folder, port}), Failure);
});
