/**
 * The Pulumi CLI on a machine that may not have it.
 *
 *   1. `pulumi` with its Node.js language host on PATH: used as it is.
 *   2. Built before: used from the user's cache folder.
 *   3. Otherwise built once from its Go modules, pinned by the go.mod files beside this file.
 *
 * A build happens in a temporary folder and appears by one rename, so an interrupted one leaves
 * nothing that looks whole. As a command (`node tools/pulumi-cli.ts`) it prints the folder.
 */

import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir, hostname } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { BuildDisplay } from "./build-display.ts";
import { isAlive, takeBuildLock } from "./build-lock.ts";
import { type GoBuildOptions, goBuild } from "./go-build.ts";

/** The newest version whose Go modules can be fetched whole, and the one all of this was tried with. */
const PULUMI_VERSION = "3.250.0";

const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

const PROGRAMS = ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"] as const;

const HOW_TO_INSTALL =
  "Install Pulumi (https://www.pulumi.com/docs/install/) so that `pulumi` is on PATH, " +
  "or install Go 1.25 or newer (https://go.dev/doc/install) and run this again: " +
  "amicopy then builds Pulumi once, in about five minutes.";

export interface PulumiCli {
  /** Holds `pulumi` and its Node.js host. Belongs on PATH, after the folder of the wanted `node`. */
  readonly directory: string;
  /** True when it was built just now. */
  readonly built: boolean;
}

/**
 * Finds the Pulumi CLI, or builds it and shows on stderr how far it is.
 *
 * @param environment - `PATH`, `XDG_CACHE_HOME` and Go's own settings are read from it.
 * @throws Error with instructions when there is neither Pulumi nor Go; `AbortError` on `signal`.
 */
export async function pulumiCli(
  environment: NodeJS.ProcessEnv = process.env,
  signal: AbortSignal = new AbortController().signal,
): Promise<PulumiCli> {
  const installed = findInstalled(environment);
  if (installed !== undefined) return { directory: installed, built: false };

  const cache = environment.XDG_CACHE_HOME || join(homedir(), ".cache");
  const directory = join(cache, "amicopy", `pulumi-${PULUMI_VERSION}-${fingerprint()}`);
  const isDone = () => existsSync(directory);
  if (isDone()) return { directory, built: false };
  if (findOnPath("go", environment) === undefined) {
    throw new Error(`There is no Pulumi CLI on PATH and no Go to build it. ${HOW_TO_INSTALL}`);
  }

  mkdirSync(dirname(directory), { recursive: true });
  const display = new BuildDisplay(process.stderr);
  const release = await takeBuildLock({
    path: `${directory}.lock`,
    isDone,
    onWait: (pid) => display.line(`Pulumi is being built by process ${pid}; waiting for it.`),
    signal,
  });
  if (release === undefined) return { directory, built: false };
  try {
    removeAbandonedBuilds(directory);
    await build({ directory, environment, signal, display });
  } finally {
    release();
    display.close();
  }
  return { directory, built: true };
}

interface BuildOptions {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly display: BuildDisplay;
}

async function build(options: BuildOptions): Promise<void> {
  const { directory, environment, signal, display } = options;
  display.line(
    `Building Pulumi ${PULUMI_VERSION} from its Go modules into ${directory} (once, about five ` +
      "minutes; stopping is safe, Go keeps what it has compiled).",
  );
  const building = mkdtempSync(`${directory}.building-${process.pid}-`);
  try {
    for (const program of programsToBuild()) {
      const outputPath = join(building, program.name);
      const onProgress = display.program(program.name);
      await goBuild({ ...program, outputPath, environment, signal, onProgress });
    }
    // The dynamic provider's start script is part of the npm package. A copy, not a link: the
    // cache outlives this clone. It finds its package from the directory of the stack program.
    const script = join(building, "pulumi-resource-pulumi-nodejs");
    copyFileSync(providerScript(), script);
    chmodSync(script, 0o755);
    // An existing one can only be as good as ours (see build-lock.ts).
    if (!existsSync(directory)) renameSync(building, directory);
    display.line(`Pulumi ${PULUMI_VERSION} is ready.`);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

type Program = { readonly name: string } & Pick<
  GoBuildOptions,
  "directory" | "packagePath" | "tags" | "linkerFlags"
>;

/** Two modules, because they need different versions of Pulumi's SDK for Go. */
function programsToBuild(): Program[] {
  const linkerFlags = `-s -w -X ${VERSION_VARIABLE}=v${PULUMI_VERSION}`;
  return [
    {
      name: "pulumi",
      directory: join(import.meta.dirname, "pulumi"),
      packagePath: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      tags: "osusergo,grpcnotrace",
      linkerFlags,
    },
    {
      name: "pulumi-language-nodejs",
      directory: join(import.meta.dirname, "pulumi-language-nodejs"),
      packagePath: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      linkerFlags,
    },
  ];
}

/** Changes with everything that a build is made from, so that a cached one is never out of date. */
function fingerprint(): string {
  const hash = createHash("sha256").update(process.platform).update(process.arch);
  for (const program of programsToBuild()) {
    hash.update(JSON.stringify({ ...program, directory: program.name }));
    for (const file of ["go.mod", "go.sum"])
      hash.update(readFileSync(join(program.directory, file)));
  }
  return hash.update(readFileSync(providerScript())).digest("hex").slice(0, 8);
}

function providerScript(): string {
  const packageFile = createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json");
  return join(dirname(packageFile), "pulumi-resource-pulumi-nodejs");
}

/** A CLI without its language host cannot run a TypeScript program and counts as absent. */
function findInstalled(environment: NodeJS.ProcessEnv): string | undefined {
  const found = PROGRAMS.map((name) => findOnPath(name, environment));
  return found.includes(undefined) ? undefined : found[0];
}

/** @returns The folder on PATH that holds the program. */
function findOnPath(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  for (const folder of (environment.PATH ?? "").split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return folder;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** What a killed builder left. Called with the lock held. */
function removeAbandonedBuilds(directory: string): void {
  const prefix = `${basename(directory)}.building-`;
  for (const name of readdirSync(dirname(directory))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split("-")[0]);
    if (pid === process.pid || isAlive({ pid, host: hostname() })) continue;
    rmSync(join(dirname(directory), name), { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const [name, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.once(name, () => {
      process.exitCode = exitCode;
      stop.abort();
    });
  }
  try {
    console.log((await pulumiCli(process.env, stop.signal)).directory);
  } catch (error) {
    if (stop.signal.aborted) return;
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

if (import.meta.main) await main();
