/** The moment when a fault strikes a running instance. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Machine } from "../machines/machine.ts";
import type { Rule } from "./fault-rule.ts";

/** Ours. Often enough that a test's helper has not gone on much since. */
const LOOK_MS = 20;

/**
 * Waits until then.
 *
 * @param machine - `undefined` when it has ended: then the moment never comes.
 * @throws the signal's reason
 */
export async function momentOf(
  when: Rule<"instance">["when"],
  machine: () => Machine | undefined,
  signal: AbortSignal,
): Promise<Machine | undefined> {
  if (when !== undefined && "afterMs" in when) await sleep(when.afterMs, undefined, { signal });
  if (when === undefined || "afterMs" in when) return machine();
  for (;;) {
    signal.throwIfAborted();
    const running = machine();
    if (running?.consoleText().includes(when.console) !== false) return running;
    await sleep(LOOK_MS, undefined, { signal });
  }
}
