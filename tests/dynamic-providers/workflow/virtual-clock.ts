/** A clock whose hours pass at once: `sleep` moves it and yields. */

import type { Clock } from "../../../dynamic-providers/workflow/run-context.ts";

export function virtualClock(startMs = 0): Clock & { readonly sleeps: readonly number[] } {
  let nowMs = startMs;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      nowMs += ms;
      sleeps.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
  };
}
