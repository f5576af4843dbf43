/**
 * Where a file is written until it is whole: beside its name, as `NAME.part`. What a try that failed
 * or was killed has left there is taken up by the next one, which compares before it keeps anything.
 * The name never looks whole, and never becomes `NAME` before both sides have the same digest.
 */

import { closeSync, lstatSync, openSync, rmSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { TransferError } from "../tsunami/transfer-error.ts";

export class PartialFile {
  readonly path: string;
  /** A device is written as it is. */
  readonly writtenPath: string;
  #lock: Server | undefined;

  private constructor(path: string, writtenPath: string) {
    this.path = path;
    this.writtenPath = writtenPath;
  }

  /** @throws TransferError `disk-io`: it cannot be written, or another program is writing it. */
  static async open(path: string): Promise<PartialFile> {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) {
      throw new TransferError("disk-io", `${path} cannot be written: it is a folder`);
    }
    if (status !== undefined && !status.isFile()) return new PartialFile(path, path);
    const file = new PartialFile(path, `${path}.part`);
    try {
      const old = lstatSync(file.writtenPath, { throwIfNoEntry: false });
      // Made here: the engine makes no file below /dev, where one may well be wanted (/dev/shm).
      if (old === undefined) closeSync(openSync(file.writtenPath, "wx"));
      else if (!old.isFile()) throw new Error(`${file.writtenPath} is in the way`);
      await file.#claim();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TransferError("disk-io", `${path} cannot be written: ${why}`, cause);
    }
    return file;
  }

  /** The file is proved. */
  async finish(): Promise<void> {
    if (this.writtenPath !== this.path) await rename(this.writtenPath, this.path);
    this.#lock?.close();
  }

  /**
   * The try has failed.
   *
   * @param spoiled - The disk did not give back what was written.
   * @returns Where the next try goes on, if there is something to go on with.
   */
  leave(spoiled: boolean): string | undefined {
    this.#lock?.close();
    if (this.writtenPath === this.path) return undefined;
    const status = statSync(this.writtenPath, { throwIfNoEntry: false });
    if (status === undefined) return undefined;
    if (status.blocks > 0 && !spoiled) return this.writtenPath;
    rmSync(this.writtenPath, { force: true });
    return undefined;
  }

  /** A name in the kernel that goes with the process, however it ends. Other systems have none. */
  async #claim(): Promise<void> {
    if (process.platform !== "linux") return;
    const { dev, ino } = statSync(this.writtenPath);
    const lock = createServer((caller) => caller.destroy());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    lock.once("error", reject).listen(`\0amicopy-part-${dev}-${ino}`, resolve);
    await promise.catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") throw error;
      throw new Error(`another program is writing ${this.writtenPath}`);
    });
    lock.unref();
    this.#lock = lock;
  }
}
