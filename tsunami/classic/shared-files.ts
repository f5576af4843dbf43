/**
 * The files a sender was told to serve, and nothing else: a name on the wire is looked up in this
 * table, never used as a path. A file is asked for by its name as given, or by its base name when
 * that means one file only.
 */

import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { ClassicError } from "./classic-error.ts";
import { LIST_MAX_FILES } from "./constants.ts";
import { ALL_FILES, encodeName, LISTING } from "./wire.ts";

export interface SharedFile {
  /** As given by whoever serves; also its path on this machine. */
  readonly name: string;
  /** At the start; the size that counts is taken when the file is opened. */
  readonly sizeBytes: number;
}

export interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

export class SharedFiles {
  readonly files: readonly SharedFile[];
  readonly #pathByName = new Map<string, string>();

  private constructor(files: readonly SharedFile[]) {
    this.files = files;
    const byBaseName = Map.groupBy(files, ({ name }) => basename(name));
    for (const [name, same] of byBaseName) {
      const [only] = same;
      if (same.length === 1 && only !== undefined) this.#pathByName.set(name, only.name);
    }
    for (const { name } of files) this.#pathByName.set(name, name);
  }

  /** @throws ClassicError `disk-io` for what is no readable regular file, `protocol` for a name the wire cannot carry. */
  static async open(paths: readonly string[]): Promise<SharedFiles> {
    if (paths.length > LIST_MAX_FILES) {
      throw new ClassicError("protocol", `more than ${LIST_MAX_FILES} files cannot be served`);
    }
    const files: SharedFile[] = [];
    for (const name of new Set(paths)) {
      encodeName(name);
      if (name === ALL_FILES || name === LISTING) {
        throw new ClassicError("protocol", `${name} means something else: write ./${name}`);
      }
      const { handle, sizeBytes } = await openRegularFile(name);
      await handle.close();
      files.push({ name, sizeBytes });
    }
    return new SharedFiles(files);
  }

  /** @returns `undefined` when the name is none of ours, or the file cannot be read any more. */
  async find(name: string): Promise<OpenFile | undefined> {
    const path = this.#pathByName.get(name);
    if (path === undefined) return undefined;
    return await openRegularFile(path).catch(() => undefined);
  }
}

async function openRegularFile(path: string): Promise<OpenFile> {
  try {
    // Looked at before it is opened: opening a FIFO would wait for a writer for ever.
    if (!(await stat(path)).isFile()) throw new Error("it is no regular file");
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await handle.stat();
    if (status.isFile()) return { handle, sizeBytes: status.size };
    await handle.close();
    throw new Error("it is no regular file");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClassicError("disk-io", `${path} cannot be served: ${reason}`, { cause });
  }
}
