/**
 * Imported into a measured program: how long its event loop was not at its work. What a program does
 * until its transfer runs (its modules, its threads) does not count.
 */

import { writeSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** Ours. By then every transfer of the bench is on its way. */
const WARM_UP_MS = 2500;
const STDERR = 2;

if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  setTimeout(() => delay.enable(), WARM_UP_MS).unref();
  process.on("exit", () => {
    // A histogram of timers: each comes 1 ms later at the best.
    const late = (ns: number): string => Math.max(0, ns / 1e6 - 1).toFixed(1);
    if (delay.count > 0) {
      writeSync(STDERR, `loop ${late(delay.percentile(99.9))} ${late(delay.max)}\n`);
    }
  });
}

/** What {@link monitorEventLoopDelay} said at a program's end, in milliseconds. */
export interface LoopDelay {
  readonly p999Ms: number;
  readonly maxMs: number;
}
