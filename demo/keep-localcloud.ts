/**
 * The demo's localcloud, in a process of its own so that it can stay when the demo has ended:
 *
 *   1. it starts, and tells its parent how to reach it
 *   2. until its parent says `keep`, it ends when the parent is gone, however that came
 *   3. then it stays until SIGTERM, or until nobody has called it for a while
 */

import { type Localcloud, startLocalcloud } from "../localcloud/localcloud.ts";

/** Ours: long enough to read something, short enough to be gone when the laptop is opened again. */
const IDLE_LIMIT_MS = 30 * 60_000;

const IDLE_CHECK_MS = 30_000;

export type KeeperRequest = { readonly type: "keep" } | { readonly type: "calls" };

export type KeeperAnswer =
  | { readonly type: "ready"; readonly env: Readonly<Record<string, string>> }
  | { readonly type: "calls"; readonly calls: readonly KeptCall[] };

/** One call of the log, as it crosses to the parent. */
export interface KeptCall {
  readonly atMs: number;
  readonly action: string;
  readonly region: string | undefined;
  readonly ids: readonly string[];
  readonly outcome: string;
}

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: node demo/keep-localcloud.ts DIRECTORY");

let kept = false;
let closing: Promise<void> | undefined;
const starting = startLocalcloud({ directory });
process.on("disconnect", () => {
  if (!kept) void end();
});
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => void end());

const cloud = await starting;
if (process.connected) {
  process.on("message", (request: KeeperRequest) => answer(cloud, request));
  send({ type: "ready", env: cloud.env });
} else {
  // Its parent was gone before anybody listened for that.
  void end();
}
watchIdleness(cloud);

function answer(localcloud: Localcloud, request: KeeperRequest): void {
  switch (request.type) {
    case "keep":
      kept = true;
      process.disconnect?.();
      return;
    case "calls":
      send({
        type: "calls",
        calls: localcloud.calls.map(({ at, action, region, ids, outcome }) => ({
          atMs: at.getTime(),
          action,
          region,
          ids,
          outcome,
        })),
      });
  }
}

function send(message: KeeperAnswer): void {
  process.send?.(message);
}

function watchIdleness(localcloud: Localcloud): void {
  let idleSinceMs = performance.now();
  let lastCall = localcloud.calls.at(-1);
  setInterval(() => {
    const call = localcloud.calls.at(-1);
    if (call !== lastCall) idleSinceMs = performance.now();
    lastCall = call;
    if (kept && performance.now() - idleSinceMs > IDLE_LIMIT_MS) void end();
  }, IDLE_CHECK_MS).unref();
}

async function end(): Promise<void> {
  closing ??= starting.then((localcloud) => localcloud.close());
  await closing.catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
  process.exit();
}
