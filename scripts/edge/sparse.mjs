import assert from 'node:assert/strict';
import {closeSync, ftruncateSync, openSync, readSync, writeSync} from 'node:fs';
import path from 'node:path';
import {Miniflare} from 'miniflare';
import {openWorld} from './world.mjs';

/**
 * A piece of a large object. The platform takes at most 5 GiB at a time, and the simulation here cannot read behind
 * 4 GiB in one piece.
 */
const piece = 2 ** 32;

/**
 * Puts a sparse image into a local bucket, as if it had been uploaded in pieces, without moving its bytes: a small
 * object with that key is put there first, then the bucket's list is told that it consists of pieces, which are sparse
 * files. From there on it is read as any object is, by the same code of R2's simulation.
 * @param {import('node:test').TestContext} t
 * @param {string} folder of the bucket
 * @param {string} key
 * @param {SparseImage} image
 */
export async function placeInBucket(t, folder, key, image) {
  const world = await openWorld(t, {folder});
  await world.put(key, Buffer.from('in its place'));
  await world.close();
  const list = new Miniflare({
    modules: true,
    cf: false,
    compatibilityDate: '2026-04-01',
    script: `
      export class List {
        constructor(state) {
          this.sql = state.storage.sql;
        }
        async fetch(request) {
          const {key, size, pieces} = await request.json();
          this.sql.exec("INSERT INTO _mf_multipart_uploads (upload_id, key, http_metadata, custom_metadata, state) VALUES ('u', ?, '{}', '{}', 1)", key);
          for (const [i, one] of pieces.entries()) {
            this.sql.exec("INSERT INTO _mf_multipart_parts VALUES ('u', ?, ?, ?, '', '', ?)", i + 1, one.name, one.size, key);
          }
          const rows = [...this.sql.exec('UPDATE _mf_objects SET size = ?, blob_id = NULL WHERE key = ? RETURNING key', size, key)];
          return Response.json(rows.length);
        }
      }
      export default {fetch: (request, env) => env.LIST.get(env.LIST.idFromName('qcowscope-images')).fetch(request)};`,
    durableObjects: {LIST: {className: 'List', useSQLite: true, unsafeUniqueKey: 'miniflare-R2BucketObject'}},
    durableObjectsPersist: path.join(folder, 'r2'),
  });
  const pieces = image.writePieces(path.join(folder, 'r2', 'qcowscope-images', 'blobs'));
  const answer = await list.dispatchFetch('http://list/', {method: 'POST', body: JSON.stringify({key, size: image.size, pieces})});
  assert.equal(await answer.json(), 1);
  await list.dispose();
}

/** A qcow2 image whose clusters hold nothing but tables, of the layout that QEMU preallocates. */
export class SparseImage {
  #cluster = 65536;

  /**
   * @param {string} file is open for reading and writing until close
   * @param {number} size
   */
  constructor(file, size) {
    this.file = openSync(file, 'r+');
    this.size = size;
    this.l1 = this.table(40, Number(this.number(36, 4)));
    this.reftable = this.table(48, (Number(this.number(56, 4)) * this.#cluster) / 8);
  }

  close() {
    closeSync(this.file);
  }

  /**
   * A number in the image, big-endian.
   * @param {number} at
   * @param {number} bytes
   */
  number(at, bytes) {
    return BigInt(`0x${this.#read(at, bytes).toString('hex')}`);
  }

  /**
   * @param {number} at
   * @param {number} bytes
   * @param {bigint} value
   */
  set(at, bytes, value) {
    assert.equal(writeSync(this.file, Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex'), 0, bytes, at), bytes);
  }

  /**
   * The offsets that a table names whose own offset stands in a field of the header.
   * @param {number} field
   * @param {number} entries
   */
  table(field, entries) {
    const raw = this.#read(Number(this.number(field, 8)), 8 * entries);
    return Array.from({length: entries}, (_, i) => Number(raw.readBigUInt64BE(8 * i) & 0x00fffffffffffe00n));
  }

  /** Where there are tables: all that is not a hole. */
  #tables() {
    const long = (/** @type {number} */ field, /** @type {number[]} */ entries) =>
      Array.from({length: Math.ceil((8 * entries.length) / this.#cluster)}, (_, i) => Number(this.number(field, 8)) + i * this.#cluster);
    return [0, ...long(40, this.l1), ...long(48, this.reftable), ...this.l1, ...this.reftable.filter((at) => at !== 0)];
  }

  /**
   * Writes the image as sparse files.
   * @param {string} folder
   */
  writePieces(folder) {
    const pieces = Array.from({length: Math.ceil(this.size / piece)}, (_, i) => ({name: `piece${i}`, size: Math.min(piece, this.size - i * piece)}));
    const files = pieces.map(({name, size}) => {
      const file = openSync(path.join(folder, name), 'w');
      ftruncateSync(file, size);
      return file;
    });
    for (const at of this.#tables()) {
      writeSync(files[Math.floor(at / piece)] ?? -1, this.#read(at, this.#cluster), 0, this.#cluster, at % piece);
    }
    files.forEach((file) => closeSync(file));
    return pieces;
  }

  /**
   * @param {number} at
   * @param {number} bytes
   */
  #read(at, bytes) {
    const raw = Buffer.alloc(bytes);
    assert.equal(readSync(this.file, raw, 0, bytes, at), bytes);
    return raw;
  }
}
