/**
 * The threads that touch disks, so that no read, compression or seal stops the socket's thread.
 * One thread a task: read (sender), write and prove (receiver).
 */

import { parentPort, Worker, workerData } from "node:worker_threads";
import { TransferError, type TransferErrorCode } from "../transfer-error.ts";
import type { HeldLeaves } from "./kept-leaves.ts";
import type { Volume } from "./open-volume.ts";
import type { Coverage } from "./record.ts";

/** What a disk thread says. */
export type DiskReport =
  | { readonly type: "ready"; readonly blank: readonly boolean[] }
  | {
      readonly type: "record";
      readonly record: number;
      readonly sealedBytes: number;
      readonly coveredBytes: number;
      /** Of these: at the receiver already. */
      readonly keptBytes: number;
    }
  | ({ readonly type: "have" } & HeldLeaves)
  | { readonly type: "written"; readonly record: number; readonly coverage: Coverage }
  | { readonly type: "torn"; readonly record: number }
  | { readonly type: "digest"; readonly volume: number; readonly digest: string }
  | { readonly type: "end" }
  | { readonly type: "failed"; readonly code: TransferErrorCode; readonly message: string };

/** What a disk thread is told. */
export type DiskOrder =
  | { readonly type: "start"; readonly key: Uint8Array; readonly held: readonly number[] }
  | ({ readonly type: "have" } & HeldLeaves)
  | { readonly type: "window"; readonly limit: number; readonly backlog: number }
  | { readonly type: "write"; readonly record: number; readonly sealedBytes: number }
  | { readonly type: "written"; readonly coverage: Coverage };

/** A disk thread's end of its line to the session. */
export interface DiskPort {
  post(report: DiskReport): void;
  fail(error: unknown): void;
  onMessage(handler: (order: DiskOrder) => void): void;
}

export interface DiskTask {
  readonly task: "read" | "write" | "prove" | "scan";
  readonly volumes: readonly Volume[];
  /** Absent for a proof or a scan. */
  readonly ring?: SharedArrayBuffer;
  /** For a proof or a scan: which volumes were blank. */
  readonly blank?: readonly boolean[];
}

/** What a disk thread works on. */
export interface DiskSetup {
  readonly volumes: readonly Volume[];
  /** Where sealed records lie; empty for a proof or a scan. */
  readonly ring: Buffer;
  /** For a proof or a scan: which volumes were blank. */
  readonly blank: readonly boolean[];
}

/** Of each task that a role has: what its thread does. */
export type DiskTasks = Readonly<
  Partial<Record<DiskTask["task"], (setup: DiskSetup, port: DiskPort) => Promise<void>>>
>;

/** A disk thread, seen from the session. */
export interface DiskThread {
  tell(order: DiskOrder): void;
  end(): Promise<unknown>;
}

/**
 * The body of a disk thread: what the session's `workerEntry` runs when it is not the main thread.
 *
 * @param tasks - Those of the roles that the program has.
 */
export function runDiskWorker(tasks: DiskTasks): void {
  const line = parentPort;
  if (!line) return;
  const { task, volumes, ring, blank = [] } = workerData as DiskTask;
  const port: DiskPort = {
    post: (report) => line.postMessage(report),
    fail: (error) => {
      const code = error instanceof TransferError ? error.code : "disk-io";
      port.post({ type: "failed", code, message: (error as Error).message });
    },
    onMessage: (handler) => line.on("message", handler),
  };
  const setup = { volumes, blank, ring: Buffer.from(ring ?? new ArrayBuffer(0)) };
  tasks[task]?.(setup, port).catch(port.fail);
}

/** Starts a disk thread. `onFailure` also hears of a thread that died. */
export function startDiskThread(
  entry: URL,
  task: DiskTask,
  onReport: (report: DiskReport) => void,
  onFailure: (error: TransferError) => void,
): DiskThread {
  const worker = new Worker(entry, {
    workerData: task,
    // Its work is in buffers, which are given back by hand; the heap has little to keep.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  worker.on("message", (report: DiskReport) => {
    if (report.type === "failed") onFailure(new TransferError(report.code, report.message));
    else onReport(report);
  });
  let ended = false;
  worker.on("error", (error) => {
    // What is still open when a thread is ended may fail on its way out; that is no news.
    if (ended) return;
    onFailure(new TransferError("disk-io", `a disk thread died: ${String(error)}`, error));
  });
  return {
    tell: (order) => worker.postMessage(order),
    end() {
      ended = true;
      return worker.terminate();
    },
  };
}
