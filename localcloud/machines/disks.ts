/**
 * Volumes and snapshots as sparse files. A volume of 8 GiB that holds 200 MB takes 200 MB, and
 * stays so through every copy: holes stay holes, and zeros become holes. Copies run in a child
 * process (`cp`), because reading gigabytes in this one would stop every answer of the cloud.
 */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { open, rename, rm, stat, truncate } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Volumes have whole GiB. */
export const GIB_BYTES = 1024 ** 3;

/** First bytes of disk formats that people take for raw, and their names for `qemu-img -f`. */
const FOREIGN_FORMATS: readonly { readonly magic: string; readonly name: string }[] = [
  { magic: "QFI\xfb", name: "qcow2" },
  { magic: "KDMV", name: "vmdk" },
  { magic: "# Disk DescriptorFile", name: "vmdk" },
  { magic: "vhdxfile", name: "vhdx" },
  { magic: "conectix", name: "vpc" },
];

/** A disk file that cannot be used; the message names the file and what to do. */
export class DiskError extends Error {
  override readonly name = "DiskError";
}

/** Makes a new volume of zeros that takes no space. Fails if the file exists. */
export async function createDisk(path: string, sizeBytes: number): Promise<void> {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new DiskError(`${path}: a disk cannot have ${sizeBytes} bytes`);
  }
  const file = await open(path, "wx", 0o600);
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}

/**
 * Copies a disk file, sharing blocks where the file system can and keeping holes where it cannot.
 * `to` appears only when it is complete; an old `to` is replaced.
 *
 * @param signal - Ends a copy that nobody waits for any more; nothing is left of it.
 */
export async function cloneDisk(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const partial = `${to}.partial-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await run("cp", ["--sparse=always", "--reflink=auto", "--", from, partial], {
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
      ...(signal === undefined ? {} : { signal }),
    });
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    throw new DiskError(`copying the disk ${from} to ${to} failed: ${reason(error)}`, {
      cause: error,
    });
  }
}

/**
 * Takes a raw disk file of a person as a volume, padded with zeros to whole GiB as EC2 does.
 *
 * @returns The volume's size: a multiple of {@link GIB_BYTES}.
 * @throws DiskError when the file is missing, empty, or of a format that is not raw.
 */
export async function importDisk(from: string, to: string, signal?: AbortSignal): Promise<number> {
  const fileSizeBytes = await checkRaw(from);
  await cloneDisk(from, to, signal);
  const sizeBytes = Math.ceil(fileSizeBytes / GIB_BYTES) * GIB_BYTES;
  await truncate(to, sizeBytes);
  return sizeBytes;
}

/** Gives a person a raw file of a volume or snapshot, sparse, with all its (whole) GiB. */
export async function exportDisk(from: string, to: string, signal?: AbortSignal): Promise<void> {
  const existing = await stat(to).catch(() => undefined);
  if (existing !== undefined && !existing.isFile()) {
    throw new DiskError(`${to} exists and is not a regular file: name another one`);
  }
  await cloneDisk(from, to, signal);
}

async function checkRaw(path: string): Promise<number> {
  let status: Awaited<ReturnType<typeof stat>>;
  try {
    status = await stat(path);
  } catch (error) {
    throw new DiskError(`the disk file ${path} cannot be read: ${reason(error)}`, { cause: error });
  }
  if (!status.isFile()) throw new DiskError(`${path} is not a regular file`);
  if (status.size === 0) throw new DiskError(`the disk file ${path} is empty`);
  const start = await readStart(path);
  const format = FOREIGN_FORMATS.find(({ magic }) => start.startsWith(magic));
  if (format !== undefined) {
    throw new DiskError(
      `${path} is a ${format.name} image, not a raw disk: ` +
        `convert it with \`qemu-img convert -O raw ${path} disk.raw\``,
    );
  }
  return Number(status.size);
}

async function readStart(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function reason(error: unknown): string {
  if (error instanceof Error && "stderr" in error && typeof error.stderr === "string") {
    const text = error.stderr.trim();
    if (text !== "") return text.slice(0, 500);
  }
  return error instanceof Error ? error.message : String(error);
}
