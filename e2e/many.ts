import {open} from 'node:fs/promises';

const CLUSTER = 512;
const ENTRIES = CLUSTER / 2;

/**
 * Makes an image of which all but the tables is leaked, in clusters of 512 bytes whose refcounts are 1 and 2 in turn: each
 * of them is a finding of its own. The file is sparse. The little that this knows of the format is written down here once
 * more on purpose: it must not share a mistake with the core.
 */
export async function makeLeakyImage(name: string, leaks: number): Promise<void> {
  const blocks = Math.ceil((leaks * 1.01 + 64) / ENTRIES);
  const reftable = Math.ceil((blocks * 8) / CLUSTER);
  const tables = 2 + reftable + blocks;
  const file = await open(name, 'w');
  try {
    await file.truncate((tables + leaks) * CLUSTER);
    await file.write(header(reftable), 0, CLUSTER, 0);
    const table = Buffer.alloc(reftable * CLUSTER);
    const counts = Buffer.alloc(blocks * CLUSTER);
    for (let block = 0; block < blocks; block++) {
      table.writeBigUInt64BE(BigInt((2 + reftable + block) * CLUSTER), block * 8);
    }
    for (let cluster = 0; cluster < tables + leaks; cluster++) {
      counts.writeUInt16BE(cluster < tables ? 1 : 1 + (cluster % 2), cluster * 2);
    }
    await file.write(table, 0, table.length, 2 * CLUSTER);
    await file.write(counts, 0, counts.length, (2 + reftable) * CLUSTER);
  } finally {
    await file.close();
  }
}

function header(reftableClusters: number): Buffer {
  const bytes = Buffer.alloc(CLUSTER);
  bytes.write('QFI\u00fb', 0, 'latin1');
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(9, 20); // cluster_bits
  bytes.writeBigUInt64BE(32n << 10n, 24); // size
  bytes.writeUInt32BE(1, 36); // l1_size
  bytes.writeBigUInt64BE(BigInt(CLUSTER), 40); // l1_table_offset
  bytes.writeBigUInt64BE(BigInt(2 * CLUSTER), 48); // refcount_table_offset
  bytes.writeUInt32BE(reftableClusters, 56);
  bytes.writeUInt32BE(4, 96); // refcount_order
  bytes.writeUInt32BE(104, 100); // header_length
  return bytes;
}
