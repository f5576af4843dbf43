/**
 * Turning the machine off. Helpers are launched with "shutdown means terminate", and terminating
 * deletes their volumes, so this is how a helper removes itself.
 */

import { spawn } from "node:child_process";

/** @throws Error when there is no `shutdown` or it refuses; the boot script's dead-man switch remains. */
export function shutDown(): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn("shutdown", ["-P", "now"], { stdio: "inherit" })
      .on("error", reject)
      .on("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(`shutdown ended with ${code}`)),
      );
  });
}
