/**
 * The command of the transfer engine as one bundle, as the program on a helper is: from sources, Node
 * would carry its type stripper along, 50 MiB and a fifth of a second that no helper has.
 */

import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const ROOT = resolve(import.meta.dirname, "../..");

/** Ours. As `npm run tsunami` and a helper's boot script say it: little to collect at a time. */
export const NODE_FLAGS = [
  "--max-semi-space-size=4",
  "--no-parallel-scavenge",
  "--no-warnings",
] as const;

/** Paths of what was made. */
export interface TsunamiProgram {
  /** `cli/tsunami.ts`, bundled. */
  readonly command: string;
  /** For `--import`: tells of the event loop at the end. */
  readonly loopWatch: string;
}

export async function bundleTsunami(directory: string): Promise<TsunamiProgram> {
  const folder = join(directory, "tsunami");
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["cli/tsunami.ts", "cli/disk-thread.ts", "bench/peers/loop-watch.ts"],
    entryNames: "[name]",
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node22",
  });
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  return { command: join(folder, "tsunami.js"), loopWatch: join(folder, "loop-watch.js") };
}
