/**
 * The network between the regions, cut for a time or for good. Nobody is told: packets just do not
 * arrive. Only a cloud whose machines have networks of their own can do that.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Machinery } from "../machinery.ts";
import type { Rule } from "./fault-rule.ts";

export class NetworkCuts {
  #count = 0;

  /**
   * Cuts, waits, and joins again unless another cut lasts longer.
   *
   * @param signal - Aborted: the plan has changed, and the network is whole again.
   */
  async cut(
    { forMs }: Rule<"network">,
    machinery: Pick<Machinery, "cutRegions" | "joinRegions">,
    signal: AbortSignal,
  ): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    if (signal.aborted) return;
    this.#count += 1;
    try {
      await machinery.cutRegions?.();
      await (forMs === undefined ? aborted.promise : sleep(forMs, undefined, { signal }));
    } finally {
      this.#count -= 1;
      if (this.#count === 0) await machinery.joinRegions?.();
    }
  }
}
