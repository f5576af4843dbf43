/**
 * The two disks of the image that the demo copies: a root volume with a real ext4 file system,
 * filled with files of this machine, and a data volume that is mostly holes.
 */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, type Dirent } from "node:fs";
import { copyFile, mkdir, open, readdir, rm, stat, truncate } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export interface SourceDisk {
  readonly deviceName: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** What a person should know of its content. */
  readonly content: string;
}

/** Where the root's files come from, and at most how much of each: programs, libraries, texts. */
const FILE_SOURCES: readonly { readonly directory: string; readonly budgetBytes: number }[] = [
  { directory: "/usr/bin", budgetBytes: 100 * MIB },
  { directory: "/usr/lib", budgetBytes: 100 * MIB },
  { directory: "/usr/share", budgetBytes: 60 * MIB },
];

/** Ours: a single huge program would make the file system a list of one. */
const FILE_MAX_BYTES = 16 * MIB;

/** Ours: `--small` is for a slow machine, and for the tests. */
const SMALL_BUDGET_BYTES = 8 * MIB;

const ROOT_SIZE_BYTES = 1 * GIB;
const DATA_SIZE_BYTES = 2 * GIB;

/** Ours: odd places on purpose; one straddles a MiB boundary, one ends with the disk. */
const DATA_ISLANDS: readonly { readonly offset: number; readonly sizeBytes: number }[] = [
  { offset: 0, sizeBytes: 4096 },
  { offset: 17 * MIB - 512, sizeBytes: 12 * MIB + 1024 },
  { offset: 1 * GIB + 123_456, sizeBytes: 24 * MIB + 7 },
  { offset: 1 * GIB + 500 * MIB, sizeBytes: 1 },
  { offset: DATA_SIZE_BYTES - 3 * MIB, sizeBytes: 3 * MIB },
];

export interface SourceDisksOptions {
  /** Emptied first. */
  readonly directory: string;
  /** Tens of MiB of files instead of hundreds. */
  readonly isSmall: boolean;
  readonly signal: AbortSignal;
}

/** Makes both disks. */
export async function makeSourceDisks(options: SourceDisksOptions): Promise<readonly SourceDisk[]> {
  const { directory, signal } = options;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  return [
    await makeRootDisk(join(directory, "root.raw"), options),
    await makeDataDisk(join(directory, "data.raw"), signal),
  ];
}

async function makeRootDisk(
  path: string,
  { isSmall, signal }: SourceDisksOptions,
): Promise<SourceDisk> {
  const tree = `${path}.files`;
  let fileCount = 0;
  for (const { directory, budgetBytes: fullBudgetBytes } of FILE_SOURCES) {
    const budgetBytes = isSmall ? SMALL_BUDGET_BYTES : fullBudgetBytes;
    fileCount += await copyFiles({
      from: directory,
      to: join(tree, directory),
      budgetBytes,
      signal,
    });
  }
  const size = `${fileCount} files of this machine`;
  const mke2fs = findProgram("mke2fs");
  let content: string;
  if (mke2fs === undefined) {
    await run("tar", ["-cf", path, "-C", tree, "."], { signal });
    await truncate(path, ROOT_SIZE_BYTES);
    content = `a tar archive of ${size} (mke2fs is not installed, so this is no file system)`;
  } else {
    const sizeMib = `${ROOT_SIZE_BYTES / MIB}M`;
    const args = ["-q", "-F", "-t", "ext4", "-L", "golden-root", "-d", tree, path, sizeMib];
    await run(mke2fs, args, { signal });
    content = `an ext4 file system with ${size}`;
  }
  await rm(tree, { recursive: true, force: true });
  return { deviceName: "/dev/xvda", path, sizeBytes: ROOT_SIZE_BYTES, content };
}

async function makeDataDisk(path: string, signal: AbortSignal): Promise<SourceDisk> {
  const file = await open(path, "wx");
  try {
    await file.truncate(DATA_SIZE_BYTES);
    for (const { offset, sizeBytes } of DATA_ISLANDS) {
      signal.throwIfAborted();
      await file.write(randomBytes(sizeBytes), 0, sizeBytes, offset);
    }
  } finally {
    await file.close();
  }
  const content = `${DATA_ISLANDS.length} islands of random bytes, holes between`;
  return { deviceName: "/dev/sdf", path, sizeBytes: DATA_SIZE_BYTES, content };
}

interface CopyFilesOptions {
  readonly from: string;
  readonly to: string;
  readonly budgetBytes: number;
  readonly signal: AbortSignal;
}

/** @returns The number of regular files copied, in the order of their names, up to the budget. */
async function copyFiles({ from, to, budgetBytes, signal }: CopyFilesOptions): Promise<number> {
  let leftBytes = budgetBytes;
  let fileCount = 0;
  const folders = [""];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    for (const entry of await readFolder(join(from, folder))) {
      signal.throwIfAborted();
      const name = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(name);
      if (!entry.isFile()) continue;
      const sizeBytes = await copyReadable(join(from, name), join(to, name), leftBytes);
      if (sizeBytes === undefined) continue;
      leftBytes -= sizeBytes;
      fileCount += 1;
    }
    if (leftBytes < MIB) break;
  }
  return fileCount;
}

async function readFolder(path: string): Promise<Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @returns The size, or `undefined` for a file that is too large or that we may not read. */
async function copyReadable(
  from: string,
  to: string,
  leftBytes: number,
): Promise<number | undefined> {
  try {
    const { size } = await stat(from);
    if (size > FILE_MAX_BYTES || size > leftBytes) return undefined;
    accessSync(from, constants.R_OK);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
    return size;
  } catch (error) {
    if (error instanceof Error && "syscall" in error && "code" in error) {
      // Another program's file may vanish or be forbidden; a full disk must be said.
      if (error.code === "ENOENT" || error.code === "EACCES") return undefined;
    }
    throw error;
  }
}

/** Administrators' programs are often not on a person's PATH. */
function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  folders.push("/usr/sbin", "/sbin", "/opt/homebrew/opt/e2fsprogs/sbin");
  for (const folder of folders) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not here.
    }
  }
  return undefined;
}
