/** The folder in memory where a bench keeps its files. */

import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

const PARENT = "/dev/shm";
const PREFIX = "amicopy-bench-";

/** A new folder for this bench; those of benches that were killed are removed. */
export async function makeWorkspace(): Promise<string> {
  await removeStaleWorkspaces();
  const workspace = join(PARENT, `${PREFIX}${process.pid}`);
  await mkdir(workspace, { mode: 0o700 });
  return workspace;
}

/** Their process ids are in their names. */
async function removeStaleWorkspaces(): Promise<void> {
  for (const name of await readdir(PARENT)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : Number.NaN;
    if (!Number.isInteger(pid)) continue;
    const alive = await readFile(`/proc/${pid}/stat`).catch(() => undefined);
    if (alive === undefined) await rm(join(PARENT, name), { recursive: true, force: true });
  }
}
