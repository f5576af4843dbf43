/**
 * Opening what a session reads or writes: a regular file, a block device, or a character device
 * such as /dev/null (which is as long as it is said to be, and cannot prove anything).
 */

import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { TransferError } from "../transfer-error.ts";
import { isZero } from "./digest.ts";
import { LEAF_BYTES } from "./limits.ts";

export interface Volume {
  readonly path: string;
  readonly sizeBytes: number;
  /** Of a target: what it holds is not known, so that no look at it makes it blank. */
  readonly isUsed?: boolean;
}

export interface OpenVolume extends Volume {
  readonly handle: FileHandle;
  /** Everything not yet written reads as zero. */
  readonly blank: boolean;
  /** A character device: nothing can be read back. */
  readonly endless: boolean;
}

const { O_EXCL, O_RDONLY, O_RDWR, O_CREAT, O_DIRECT } = constants;
/** O_DIRECT wants lengths and addresses in whole blocks. */
const BLOCK_BYTES = 4096;
/** Ours. Where a block device that should be new is looked at before it is believed to be blank, and so many at once. */
const PROBES = 256;
const PROBES_AT_ONCE = 32;

/** Runs a disk operation; what goes wrong is told with the path. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TransferError) throw error;
    throw new TransferError("disk-io", `${path}: ${(error as Error).message}`, error);
  }
}

/** Reads until `length` bytes or the end. */
async function readFully(handle: FileHandle, buffer: Buffer, length: number, position: number) {
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** Reads exactly so much. @returns The bytes, in `buffer`. */
export async function readExactly(
  handle: FileHandle,
  buffer: Buffer,
  position: number,
  length: number,
  asked = length,
): Promise<Buffer> {
  const got = await readFully(handle, buffer, asked, position);
  if (got < length) throw new Error(`ends at byte ${position + got}`);
  return buffer.subarray(0, length);
}

/** The same of what {@link openProof} opened: asks for whole blocks, as O_DIRECT wants it. */
export function readLeafAt(handle: FileHandle, buffer: Buffer, position: number, length: number) {
  const asked = Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
  return readExactly(handle, buffer, position, length, asked);
}

/** The volume with most bytes left: all disks work at once and none is left alone at the end. */
export function mostLeft<T extends { readonly sizeBytes: number; readonly next: number }>(
  volumes: readonly T[],
): T | undefined {
  let best: T | undefined;
  for (const volume of volumes) {
    const left = volume.sizeBytes - volume.next;
    if (left > (best ? best.sizeBytes - best.next : 0)) best = volume;
  }
  return best;
}

function sizeError(volume: Volume, found: string): TransferError {
  return new TransferError(
    "disk-size",
    `${volume.path} should have ${volume.sizeBytes} bytes but ${found}`,
  );
}

/**
 * Opens a source volume; it must be exactly as long as said. A block device is refused (EBUSY) when
 * this system has mounted it or its partitions, and cannot be mounted as long as it is open: a copied
 * disk may carry the UUIDs of the helper's own, and a system that was booted from it would change what
 * is to be copied, with digests that agree on the change.
 */
export function openSource(volume: Volume): Promise<OpenVolume> {
  return onDisk(volume.path, async () => {
    const handle = await open(volume.path, O_RDONLY | O_EXCL);
    const stat = await handle.stat();
    const endless = stat.isCharacterDevice();
    if (stat.isFile() && stat.size !== volume.sizeBytes) {
      throw sizeError(volume, `has ${stat.size}`);
    }
    if (stat.isBlockDevice()) await checkBlockDevice(volume, handle, true);
    return { ...volume, handle, blank: false, endless };
  });
}

/**
 * Opens a destination volume. A regular file is made if it is not there, and gets its size; a block
 * device must be long enough, and is refused (EBUSY) when it is mounted or another volume's. What is not blank is accepted: it may be an earlier try's, and what
 * shall be zero is zeroed then.
 */
export function openTarget(volume: Volume): Promise<OpenVolume> {
  return onDisk(volume.path, async () => {
    // No O_CREAT on devices: a missing one must not become a file in /dev. /dev/shm has files only.
    const flags = O_RDWR | (/^\/dev\/(?!shm)/.test(volume.path) ? O_EXCL : O_CREAT);
    const handle = await open(volume.path, flags, 0o600);
    const stat = await handle.stat();
    const endless = stat.isCharacterDevice();
    let blank = !mayHold(stat);
    if (stat.isFile()) {
      // Some file systems count blocks late, so that "none" is made true.
      if (blank) await handle.truncate(0);
      await handle.truncate(volume.sizeBytes);
    } else if (!endless) {
      await checkBlockDevice(volume, handle, false);
      blank = !volume.isUsed && (await looksBlank(volume, handle));
    }
    return { ...volume, handle, blank, endless };
  });
}

/** Whether a target may hold something, by what can be known without reading it. */
export function mayHold(stat: Stats): boolean {
  return stat.isFile() ? stat.blocks > 0 : !stat.isCharacterDevice();
}

/** Opens a destination volume to read it back past the page cache where the file system can. */
export function openProof(volume: Volume): Promise<FileHandle> {
  return onDisk(volume.path, () =>
    open(volume.path, O_RDONLY | O_DIRECT).catch(() => open(volume.path, O_RDONLY)),
  );
}

async function checkBlockDevice(volume: Volume, handle: FileHandle, exact: boolean): Promise<void> {
  const byte = Buffer.alloc(1);
  const size = volume.sizeBytes;
  if (size && !(await readFully(handle, byte, 1, size - 1))) throw sizeError(volume, "is shorter");
  if (exact && (await readFully(handle, byte, 1, size))) throw sizeError(volume, "is longer");
}

async function looksBlank(volume: Volume, handle: FileHandle): Promise<boolean> {
  const { sizeBytes } = volume;
  // An earlier try that was short has left its bytes at the beginning.
  const start = Buffer.alloc(LEAF_BYTES);
  if (!isZero(await readExactly(handle, start, 0, Math.min(LEAF_BYTES, sizeBytes)))) return false;
  const step = Math.max(1, Math.floor(sizeBytes / BLOCK_BYTES / (PROBES - 1))) * BLOCK_BYTES;
  const probe = async (at: number) =>
    isZero(
      await readExactly(
        handle,
        Buffer.alloc(BLOCK_BYTES),
        at,
        Math.min(BLOCK_BYTES, sizeBytes - at),
      ),
    );
  for (let at = 0; at < sizeBytes; ) {
    const looks: Promise<boolean>[] = [];
    for (; looks.length < PROBES_AT_ONCE && at < sizeBytes; at += step) looks.push(probe(at));
    if ((await Promise.all(looks)).includes(false)) return false;
  }
  return true;
}
