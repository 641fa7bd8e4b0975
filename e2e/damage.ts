import {open, type FileHandle} from 'node:fs/promises';

/**
 * Damage done to a healthy image, straight in the file. The little that this knows of the
 * format is written down here once more on purpose: it must not share a mistake with the core.
 */
export type Damage = (image: Image) => Promise<void>;

/** The places in an image that damage needs. */
export interface Image {
  file: FileHandle;
  clusterSize: number;
  /** bytes of one L2 entry */
  entrySize: number;
  l1: number;
  reftable: number;
  reftableBytes: number;
  u64(at: number): Promise<bigint>;
  put(at: number, bytes: Buffer): Promise<void>;
}

const offsetMask = 0x00ff_ffff_ffff_fe00n;
const copiedBit = 1n << 63n;

/** Opens an image for writing, damages it, closes it. */
export async function damageFile(name: string, damage: Damage): Promise<void> {
  const file = await open(name, 'r+');
  try {
    await damage(await read(file));
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle): Promise<Image> {
  const header = Buffer.alloc(104);
  await file.read(header, 0, header.length, 0);
  const clusterSize = 1 << header.readUInt32BE(20);
  const extendedL2 = (header.readBigUInt64BE(72) & 16n) !== 0n;
  return {
    file,
    clusterSize,
    entrySize: extendedL2 ? 16 : 8,
    l1: Number(header.readBigUInt64BE(40)),
    reftable: Number(header.readBigUInt64BE(48)),
    reftableBytes: header.readUInt32BE(56) * clusterSize,
    async u64(at) {
      const word = Buffer.alloc(8);
      await file.read(word, 0, 8, at);
      return word.readBigUInt64BE();
    },
    async put(at, bytes) {
      await file.write(bytes, 0, bytes.length, at);
    },
  };
}

async function l2Table(image: Image): Promise<number> {
  return Number((await image.u64(image.l1)) & offsetMask);
}

async function refblock(image: Image): Promise<number> {
  return Number(await image.u64(image.reftable));
}

/** Sets the refcount of a host cluster; 16-bit refcounts only. */
async function setRefcount(image: Image, cluster: number, count: number): Promise<void> {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(count);
  await image.put((await refblock(image)) + cluster * 2, bytes);
}

export const zeroRefblock: Damage = async (image) => {
  await image.put(await refblock(image), Buffer.alloc(image.clusterSize));
};

export const zeroReftable: Damage = async (image) => {
  await image.put(image.reftable, Buffer.alloc(image.reftableBytes));
};

/** A cluster at the file's end that nothing points at. */
export const leak: Damage = async (image) => {
  const {size} = await image.file.stat();
  const cluster = Math.ceil(size / image.clusterSize);
  await image.put(cluster * image.clusterSize, Buffer.alloc(image.clusterSize, 0x77));
  await setRefcount(image, cluster, 1);
};

/** The first guest cluster's entry says that its cluster is shared, or not, and it is the other way. */
export const wrongCopied: Damage = async (image) => {
  const at = await l2Table(image);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE((await image.u64(at)) ^ copiedBit);
  await image.put(at, bytes);
};

/** The second guest cluster is said to be at a far cluster that no refblock covers, in a file of so many. */
export function farAway(cluster: number, clusters: number): Damage {
  return async (image) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(cluster * image.clusterSize));
    await image.put((await l2Table(image)) + image.entrySize, bytes);
    await image.file.truncate(clusters * image.clusterSize);
  };
}

/** The data cluster behind guest offset 0 is said to be free. */
export const lostRefcount: Damage = async (image) => {
  const host = Number((await image.u64(await l2Table(image))) & offsetMask);
  await setRefcount(image, host / image.clusterSize, 0);
};
