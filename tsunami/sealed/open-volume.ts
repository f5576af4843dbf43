/**
 * Opening what a session reads or writes: a regular file, a block device, or a character device
 * such as /dev/null (which is as long as it is said to be, and cannot prove anything).
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { TransferError } from "../transfer-error.ts";
import { isZero } from "./digest.ts";

export interface Volume {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface OpenVolume extends Volume {
  readonly handle: FileHandle;
  /** Everything not yet written reads as zero. */
  readonly blank: boolean;
  /** A character device: nothing can be read back. */
  readonly endless: boolean;
}

const { O_RDONLY, O_RDWR, O_CREAT, O_DIRECT } = constants;
/** Ours. Where a block device is looked at before it is believed to be blank. */
const PROBES = 256;
const PROBE_BYTES = 4096;

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

/**
 * Reads exactly so much.
 *
 * @param asked - More may be asked for, where whole blocks must be.
 * @returns The bytes, in `buffer`.
 */
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

function sizeError(volume: Volume, found: string): TransferError {
  return new TransferError(
    "disk-size",
    `${volume.path} should have ${volume.sizeBytes} bytes but ${found}`,
  );
}

/** Opens a source volume; it must be exactly as long as said. */
export function openSource(volume: Volume): Promise<OpenVolume> {
  return onDisk(volume.path, async () => {
    const handle = await open(volume.path, O_RDONLY);
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
 * Opens a destination volume. A regular file is made, or emptied, and gets its size; a block
 * device must be long enough. A device that is not blank is accepted: its zeros are written then.
 */
export function openTarget(volume: Volume): Promise<OpenVolume> {
  return onDisk(volume.path, async () => {
    // No O_CREAT on devices: a missing device must not become a file in /dev.
    const flags = volume.path.startsWith("/dev/") ? O_RDWR : O_RDWR | O_CREAT;
    const handle = await open(volume.path, flags, 0o600);
    const stat = await handle.stat();
    if (stat.isFile()) {
      await handle.truncate(0);
      await handle.truncate(volume.sizeBytes);
    }
    if (!stat.isBlockDevice()) {
      return { ...volume, handle, blank: true, endless: stat.isCharacterDevice() };
    }
    await checkBlockDevice(volume, handle, false);
    return { ...volume, handle, blank: await looksBlank(volume, handle), endless: false };
  });
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
  const buffer = Buffer.alloc(PROBE_BYTES);
  const step = Math.max(1, Math.floor(volume.sizeBytes / PROBE_BYTES / (PROBES - 1)));
  for (let at = 0; at < volume.sizeBytes; at += step * PROBE_BYTES) {
    const length = Math.min(PROBE_BYTES, volume.sizeBytes - at);
    if (!isZero(await readExactly(handle, buffer, at, length))) return false;
  }
  return true;
}
