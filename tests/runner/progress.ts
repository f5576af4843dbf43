/**
 * The spec reporter writes in the order of the files, so one long file hides all that run beside
 * it. A line now and then says what is going on.
 */

import { relative } from "node:path";
import type { run } from "node:test";

/** Ours. */
const INTERVAL_MS = 30_000;

export interface ProgressOptions {
  readonly files: readonly string[];
  readonly root: string;
}

/** @returns The function that stops it. */
export function showProgress(
  tests: ReturnType<typeof run>,
  { files, root }: ProgressOptions,
): () => void {
  const startedAtMs = new Map<string, number>();
  let doneCount = 0;
  const fileOf = (event: { readonly name: string; readonly nesting: number }) => {
    const file = relative(root, event.name);
    return event.nesting === 0 && files.includes(file) ? file : undefined;
  };
  tests.on("test:dequeue", (event) => {
    const file = fileOf(event);
    if (file !== undefined) startedAtMs.set(file, performance.now());
  });
  tests.on("test:complete", (event) => {
    const file = fileOf(event);
    if (file !== undefined && startedAtMs.delete(file)) doneCount += 1;
  });
  const timer = setInterval(() => {
    const running = [...startedAtMs].map(
      ([file, ms]) => `${file} (${Math.round((performance.now() - ms) / 1000)} s)`,
    );
    console.error(`… ${doneCount} of ${files.length} files done; running: ${running.join(", ")}`);
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
