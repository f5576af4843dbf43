/**
 * Imported into a measured program: how late its event loop was, and how much of that was its own work.
 * The rest it stood in the kernel's queue for a core, which the other side and the emulator had. What a
 * program does until its transfer runs (its modules, its threads) does not count. The line it prints at
 * its end is read by loop-delay.ts.
 */

import { openSync, readSync, writeSync } from "node:fs";
import { createHistogram, performance } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** Ours. By then every transfer of the bench is on its way. */
const WARM_UP_MS = 2500;
const PERIOD_MS = 1;
const STDERR = 2;

if (isMainThread) {
  const file = openSync("/proc/thread-self/schedstat", "r");
  const text = Buffer.alloc(64);
  /** Nanoseconds that this thread has stood in the queue, the second of three numbers. */
  const queuedNs = (): number => {
    return Number(text.toString("latin1", 0, readSync(file, text, 0, 64, 0)).split(" ")[1]);
  };
  const late = createHistogram();
  const own = createHistogram();
  setTimeout(() => {
    let before = performance.now();
    let queuedBefore = queuedNs();
    setInterval(() => {
      const now = performance.now();
      const queued = queuedNs();
      const lateNs = (now - before - PERIOD_MS) * 1e6;
      late.record(Math.max(1, Math.round(lateNs)));
      own.record(Math.max(1, Math.round(lateNs - (queued - queuedBefore))));
      before = now;
      queuedBefore = queued;
    }, PERIOD_MS).unref();
  }, WARM_UP_MS).unref();
  process.on("exit", () => {
    if (late.count === 0) return;
    const figures = [late, own].flatMap((of) => [of.percentile(99.9), of.max]);
    writeSync(STDERR, `loop ${figures.map((ns) => (ns / 1e6).toFixed(1)).join(" ")}\n`);
  });
}
