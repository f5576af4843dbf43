/**
 * Makes `dist/`, what the published package consists of:
 *
 * 1. the library as JavaScript with types (tsc; it only translates, `npm run check` is the check);
 * 2. `agent/source.sh`, `agent/destination.sh`: each side's user data, the boot script with its
 *    agent's bundle in it, ready for a job.
 *
 * Everything is made in a folder of its own and then moved over file by file, so that builds at the
 * same time, and readers meanwhile, always see whole files.
 *
 *   node tools/build.ts [--out FOLDER]
 */

import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { HelperSide, Job } from "../agent/contract.ts";
import { userDataFor } from "../dynamic-providers/workflow/user-data.ts";

const ROOT = resolve(import.meta.dirname, "..");

/** Specification: what EC2 takes as user data, before base64. */
const USER_DATA_MAX_BYTES = 16_384;

/** What the agent's bundle consists of. */
export interface AgentBundle {
  readonly code: string;
  /** Source files in it, relative to the repository. */
  readonly inputs: readonly string[];
}

/**
 * Properties that are renamed: those whose names end as times, amounts and conditions of ours do, or begin as
 * our callbacks do, of which Node and the language have none but two. What is read elsewhere too, as
 * text, keeps its name.
 */
const OUR_PROPERTIES =
  /^on[A-Z]|^(openSocket|workerEntry|pskIdentity|readMetadata|sendNote)$|(Bytes(PerSecond)?|[a-z](Ms|At|Ends|Limited))$/;
const KEPT_PROPERTIES = /^(sizeBytes|leaseMs|timeoutMs|durationMs|charCodeAt|codePointAt)$/;

/** The agent of one side and all it imports as one minified module. */
export async function bundleAgent(side: HelperSide): Promise<AgentBundle> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [`agent/${side}.ts`],
    bundle: true,
    minify: true,
    mangleProps: OUR_PROPERTIES,
    reserveProps: KEPT_PROPERTIES,
    platform: "node",
    format: "esm",
    target: "node22",
    legalComments: "none",
    write: false,
    metafile: true,
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error(`esbuild made no bundle of agent/${side}.ts`);
  return { code: file.text.trimEnd(), inputs: Object.keys(result.metafile.inputs) };
}

/** The boot script without comments and indentation, with the packed bundle in it; `@JOB@` is still open. */
export function makeUserData(bootScript: string, code: string): string {
  const [first, ...lines] = bootScript.split("\n").map((line) => line.trim());
  const bare = [first, ...lines.filter((line) => !/^(#|$)/.test(line))].join("\n");
  for (const mark of ["@AGENT@", "@JOB@"]) {
    if (bare.split(mark).length !== 2) throw new Error(`agent/boot.sh must have one ${mark}`);
  }
  return `${bare.replace("@AGENT@", packBundle(code))}\n`;
}

/** What the boot script unpacks: Brotli leaves a tenth less than gzip, and base64 costs gzip nothing. */
function packBundle(code: string): string {
  // Which of them packs a program best nobody knows but who tries.
  const { BROTLI_MODE_GENERIC, BROTLI_MODE_TEXT, BROTLI_MODE_FONT } = constants;
  const { BROTLI_PARAM_MODE, BROTLI_PARAM_NPOSTFIX, BROTLI_PARAM_LGWIN } = constants;
  const packed = [BROTLI_MODE_GENERIC, BROTLI_MODE_TEXT, BROTLI_MODE_FONT].flatMap((mode) =>
    [0, 1, 2].flatMap((postfix) =>
      [16, 18, 22].map((window) =>
        brotliCompressSync(code, {
          params: {
            [BROTLI_PARAM_MODE]: mode,
            [BROTLI_PARAM_NPOSTFIX]: postfix,
            [BROTLI_PARAM_LGWIN]: window,
          },
        }),
      ),
    ),
  );
  const [smallest] = packed.sort((one, other) => one.length - other.length);
  return smallest?.toString("base64") ?? "";
}

/** A job as large as they get: 30 disks, no two of a size, and an archive of Node. */
export function largestJob(): Job {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const names = [...letters.map((letter) => `xvdb${letter}`), "xvdca", "xvdcb", "xvdcc", "xvdcd"];
  return {
    version: 1,
    run: "0f1e2d3c4b5a6978",
    attempt: 9_999,
    side: "destination",
    listens: false,
    port: 46_224,
    disks: names.map((name, index) => ({
      deviceName: `/dev/${name}`,
      sizeBytes: (8 + 73 * index * index) * 2 ** 30,
    })),
    leaseMs: 1_800_000,
    timeoutMs: 172_800_000,
    nodeArchives: {
      aarch64:
        "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1 " +
        "https://nodejs.org/dist/v26.10.0/node-v26.10.0-linux-arm64.tar.gz",
    },
  };
}

/** Bytes of the whole user data with the largest job, as EC2 gets it. */
export function userDataSizeBytes(template: string): number {
  return userDataFor(template, largestJob(), { maxBytes: Number.POSITIVE_INFINITY }).length;
}

async function makeLibrary(folder: string): Promise<void> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const args = [tsc, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", folder, "--noCheck"];
  try {
    await promisify(execFile)(process.execPath, args);
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    throw new Error(`tsc failed:\n${stdout ?? String(error)}`);
  }
}

async function makeAgent(folder: string, side: HelperSide): Promise<void> {
  const { code } = await bundleAgent(side);
  const template = makeUserData(readFileSync(join(ROOT, "agent/boot.sh"), "utf8"), code);
  const sizeBytes = userDataSizeBytes(template);
  const bundleBytes = gzipSync(code, { level: 9 }).length;
  console.log(
    `agent of the ${side}: ${code.length} bytes (gzip ${bundleBytes}); ` +
      `user data with a job of 30 disks ${sizeBytes} of ${USER_DATA_MAX_BYTES} bytes (gzip)`,
  );
  if (sizeBytes > USER_DATA_MAX_BYTES) {
    throw new Error(
      `user data of the ${side} is ${sizeBytes - USER_DATA_MAX_BYTES} bytes too long for EC2`,
    );
  }
  mkdirSync(join(folder, "agent"), { recursive: true });
  writeFileSync(join(folder, `agent/${side}.sh`), template);
}

/** Moves every file over its predecessor, then removes what the build did not make. */
function publish(from: string, to: string): void {
  const made = listFiles(from);
  for (const file of made) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    renameSync(join(from, file), join(to, file));
  }
  const wanted = new Set(made);
  for (const file of listFiles(to)) if (!wanted.has(file)) rmSync(join(to, file), { force: true });
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: "string" } } });
  const out = resolve(values.out ?? join(ROOT, "dist"));
  mkdirSync(out, { recursive: true });
  // On the goal's file system, because a rename does not cross; where no tool looks for sources.
  const folder = mkdtempSync(values.out ? `${out}-` : join(ROOT, "node_modules/.amicopy-build-"));
  try {
    // Both to their end, also when one fails: tsc must not write after the folder is removed.
    const parts = await Promise.allSettled([
      makeLibrary(folder),
      makeAgent(folder, "source"),
      makeAgent(folder, "destination"),
    ]);
    for (const part of parts) if (part.status === "rejected") throw part.reason;
    publish(folder, out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
