/**
 * The demo's stack: the program in the root of this repository, run by the real Pulumi CLI with
 * its state in the demo's folder. The output is Pulumi's own.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { FidelityLine } from "../dynamic-providers/workflow/copy-request.ts";
import { DEMO_DIRECTORY, ROOT } from "./demo-state.ts";
import type { SourceKind } from "./source-kind.ts";

const run = promisify(execFile);

const STACK_DIRECTORY = join(DEMO_DIRECTORY, "stack");

const STACK = "demo";

/** `--config-file`: the repository's root stays as it is. */
const CONFIG_FILE = join(STACK_DIRECTORY, "Pulumi.demo.yaml");
const CONFIG = ["--stack", STACK, "--config-file", CONFIG_FILE];

export const SOURCE_REGION = "us-east-1";
export const DESTINATION_REGION = "us-gov-west-1";

/** Variables for `pulumi`, the SDK and a shell; nothing of the person's own accounts or stacks. */
export function stackEnvironment(
  localcloudEnv: Readonly<Record<string, string>>,
  pulumiDirectory: string,
): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:\w+_)?AWS_|^PULUMI_/.test(name));
  const path = [join(ROOT, "node_modules/.bin"), pulumiDirectory, process.env.PATH];
  return {
    ...Object.fromEntries(own),
    ...localcloudEnv,
    AWS_EC2_METADATA_DISABLED: "true",
    PATH: path.join(delimiter),
    PULUMI_BACKEND_URL: `file://${join(STACK_DIRECTORY, "state")}`,
    PULUMI_HOME: join(STACK_DIRECTORY, "home"),
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // A language host that is killed leaves its pipes where temporary files are.
    TMPDIR: join(STACK_DIRECTORY, "temporary"),
    // Pulumi's ts-node loads modules in a way of which Node 26 warns twice on every operation.
    NODE_OPTIONS: "--disable-warning=DEP0180 --disable-warning=DEP0205",
  };
}

/** In a shell of its own a person types `pulumi up`, and none of our options. */
export function shellEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...environment, PULUMI_STACK: STACK, PULUMI_OPTION_CONFIG_FILE: CONFIG_FILE };
}

export async function initializeStack(
  environment: NodeJS.ProcessEnv,
  sourceAmiId: string,
  { allowBootOfSource = false }: SourceKind,
): Promise<void> {
  for (const folder of ["state", "home", "temporary"]) {
    mkdirSync(join(STACK_DIRECTORY, folder), { recursive: true });
  }
  const pulumi = (args: readonly string[], cwd: string) =>
    run("pulumi", ["--non-interactive", ...args], { cwd, env: environment });
  // `stack init` writes its settings beside Pulumi.yaml and knows no `--config-file`.
  copyFileSync(join(ROOT, "Pulumi.yaml"), join(STACK_DIRECTORY, "Pulumi.yaml"));
  await pulumi(["stack", "init", STACK], STACK_DIRECTORY);
  const settings = [
    ["sourceAmiId", sourceAmiId],
    ["source.region", SOURCE_REGION],
    ["source.environmentPrefix", "SOURCE_"],
    ["destination.region", DESTINATION_REGION],
    ["destination.environmentPrefix", "DESTINATION_"],
    ["name", "golden"],
    ["allowBootOfSource", String(allowBootOfSource)],
  ].flatMap(([key, value]) => ["--path", "--plaintext", `${key}=${value}`]);
  await pulumi(["config", "set-all", ...CONFIG, ...settings], ROOT);
}

/** @returns The exit code; Pulumi has then said itself what is wrong. */
export async function runPulumi(
  operation: "up" | "refresh" | "destroy",
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const args = [operation, "--yes", "--skip-preview", "--skip-plugin-pre-install", ...CONFIG];
  console.log(`$ pulumi ${operation} --yes`);
  const onTerminal = process.stdin.isTTY === true;
  const child = spawn("pulumi", args, {
    cwd: ROOT,
    env: environment,
    stdio: "inherit",
    // On a terminal Pulumi reads the keys itself, Ctrl-C too. Elsewhere we pass the signal on, and
    // then nobody else may: a second one would abort at once.
    detached: !onTerminal,
  });
  const stop = () => interrupt(child, onTerminal);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const [code] = (await once(child, "close")) as [number | null];
  signal.removeEventListener("abort", stop);
  return code ?? 1;
}

/** Ours: the engine waits for the helpers' end; if that takes longer, it is made to. */
const SECOND_INTERRUPT_MS = 30_000;
const KILL_MS = 45_000;

function interrupt(child: ChildProcess, onTerminal: boolean): void {
  if (!onTerminal) child.kill("SIGINT");
  setTimeout(() => child.kill("SIGINT"), SECOND_INTERRUPT_MS).unref();
  setTimeout(() => child.kill("SIGKILL"), KILL_MS).unref();
}

export interface StackSnapshot {
  readonly deviceName: string;
  readonly snapshotId: string;
  readonly digest: string;
}

/** What `index.ts` exports. */
export interface StackOutputs {
  readonly imageId: string;
  readonly snapshots: readonly StackSnapshot[];
  readonly bytesRead: number;
  readonly bytesSent: number;
  readonly durationSeconds: number;
  readonly fidelity: readonly FidelityLine[];
}

export async function readStackOutputs(environment: NodeJS.ProcessEnv): Promise<StackOutputs> {
  const args = ["stack", "output", "--stack", STACK, "--json"];
  const { stdout } = await run("pulumi", args, { cwd: ROOT, env: environment });
  return JSON.parse(stdout) as StackOutputs;
}
