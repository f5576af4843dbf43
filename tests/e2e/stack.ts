/**
 * A stack in a folder of its own, driven through the real Pulumi CLI (from PATH) with a local
 * backend. The program declares one CopiedAmi for each entry of `copies.json`, so a test changes a
 * stack by writing data. Plain JavaScript, because it starts faster; the programs of `tests/package`
 * are TypeScript.
 */

import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, relative, resolve } from "node:path";
import type { CopiedAmiArgs } from "../../components/copied-ami.ts";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import type { Trace } from "../security/secret-search.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** A copy of 1 GiB of holes takes seconds; whatever takes this long hangs. */
const OPERATION_MAX_MS = 120_000;

const PROGRAM = `
import { readFileSync } from "node:fs";
import { CopiedAmi } from "amicopy";

const copies = JSON.parse(readFileSync("copies.json", "utf8"));
const made = Object.entries(copies).map(([name, args]) => [name, new CopiedAmi(name, args)]);
export const images = Object.fromEntries(made.map(([name, copy]) => [name, copy.imageId]));
`;

/** JSON, so an argument may be wrong on purpose. */
export type Copies = Record<
  string,
  Omit<CopiedAmiArgs, "timeoutMinutes"> | Record<string, unknown>
>;

/** What one `pulumi` command did. */
export interface Operation {
  /** Exit code; `null` after a signal. */
  readonly code: number | null;
  /** All it printed. */
  readonly output: string;
  /** Steps by kind, e.g. `{ create: 7 }`; `same` is left out. */
  readonly changes: Readonly<Record<string, number>>;
  /** Messages of errors and warnings of the rows, without colours. */
  readonly problems: readonly string[];
  /** Steps as `<operation> <type>[<name>]` in the order in which they ended well. */
  readonly steps: readonly string[];
}

export interface OperationOptions {
  /** Appended to the command. */
  readonly flags?: readonly string[];
  /** Over the stack's own environment. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Called with the output so far and the running CLI, at each new piece. */
  readonly onOutput?: (output: string, cli: ChildProcess) => void;
}

export interface Stack {
  readonly directory: string;
  /** Says what the stack is to be from now on. */
  declare(copies: Copies): void;
  preview(options?: OperationOptions): Promise<Operation>;
  up(options?: OperationOptions): Promise<Operation>;
  refresh(options?: OperationOptions): Promise<Operation>;
  destroy(options?: OperationOptions): Promise<Operation>;
  /** What the state holds of a copy's image. */
  image(name: string): Promise<CopiedImageFacts>;
  /** Everything in the state, secrets in the clear. */
  exportState(): Promise<string>;
  run(...command: string[]): Promise<Operation>;
  /** Everything that Pulumi has printed or written of this stack, old states included. */
  traces(): Trace[];
}

/** Of every stack here; it protects nothing. */
export const PASSPHRASE = "only a test passphrase";

/** @param environment - What the provider needs to reach its cloud: `AWS_ENDPOINT_URL`, … */
export async function createStack(
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<Stack> {
  writeProgram(directory);
  const base = stackEnvironment(directory, environment);
  let count = 0;
  const printed: Trace[] = [];
  const watched = async (command: readonly string[], call: PulumiCall) => {
    const operation = await pulumi(command, call);
    const place = `output of pulumi ${command.slice(0, 2).join(" ")}`;
    printed.push({ place, content: operation.output });
    return operation;
  };
  const operate = (command: readonly string[], options: OperationOptions = {}) => {
    count += 1;
    const eventLog = join(directory, `events-${count}.json`);
    return watched([...command, "--event-log", eventLog, ...(options.flags ?? [])], {
      directory,
      eventLog,
      environment: { ...base, ...options.environment },
      onOutput: options.onOutput,
    });
  };
  const run = (...command: string[]) => watched(command, { directory, environment: base });
  const made = await run("stack", "init", "test");
  if (made.code !== 0) throw new Error(`no stack: ${made.output}`);
  const exportState = async () => (await run("stack", "export", "--show-secrets")).output;
  const yes = ["--yes", "--skip-preview", "--color=never"];
  return {
    directory,
    declare(copies) {
      writeFileSync(join(directory, "copies.json"), JSON.stringify(copies));
    },
    preview: (options) => operate(["preview", "--color=never"], options),
    up: (options) => operate(["up", ...yes, "--skip-plugin-pre-install"], options),
    refresh: (options) => operate(["refresh", ...yes], options),
    destroy: (options) => operate(["destroy", ...yes], options),
    async image(name) {
      const { deployment } = JSON.parse(await exportState());
      for (const { urn, outputs, delete: isOld } of deployment.resources) {
        if (urn.endsWith(`:CopiedImage::${name}`) && !isOld) return outputs.image;
      }
      throw new Error(`the state has no image of ${name}`);
    },
    exportState,
    run,
    traces: () => [...printed, ...writtenBelow(directory)],
  };
}

/** Files of the stack, but for its packages and for the credentials that a test has put there. */
export function writtenBelow(directory: string): Trace[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith("node_modules/") && !/AWS_\w+_FILE$/.test(path))
    .map((path) => ({ place: path, content: readFileSync(join(directory, path)) }));
}

function writeProgram(directory: string): void {
  mkdirSync(join(directory, "node_modules"), { recursive: true });
  mkdirSync(join(directory, "state"));
  symlinkSync(ROOT, join(directory, "node_modules/amicopy"));
  symlinkSync(join(ROOT, "node_modules/@pulumi"), join(directory, "node_modules/@pulumi"));
  writeFileSync(
    join(directory, "package.json"),
    '{"name":"program","type":"module","main":"index.js"}',
  );
  writeFileSync(join(directory, "index.js"), PROGRAM);
  writeFileSync(
    join(directory, "Pulumi.yaml"),
    "name: program\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
  );
}

/** Everything a Pulumi operation needs, and nothing of the developer's own clouds and stacks. */
export function stackEnvironment(
  directory: string,
  environment: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const { CI: _ci, ...inherited } = process.env;
  return {
    ...inherited,
    ...environment,
    PATH: `${join(ROOT, "node_modules/.bin")}:${process.env.PATH}`,
    PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
    PULUMI_HOME: join(directory, "home"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Of the loader that Pulumi brings; they would stand in every output.
    NODE_OPTIONS: "--disable-warning=DEP0180 --disable-warning=DEP0205",
    // `--event-log` is one of them.
    PULUMI_DEBUG_COMMANDS: "true",
  };
}

interface PulumiCall {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly eventLog?: string;
  readonly onOutput?: OperationOptions["onOutput"] | undefined;
}

/** One `pulumi` command in a program's folder. */
export async function pulumi(command: readonly string[], call: PulumiCall): Promise<Operation> {
  const cli = spawn("pulumi", ["--non-interactive", ...command], {
    cwd: call.directory,
    env: call.environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [cli.stdout, cli.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      call.onOutput?.(output, cli);
    });
  }
  const limit = setTimeout(() => cli.kill("SIGKILL"), OPERATION_MAX_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    cli.on("error", reject);
    cli.on("close", resolve);
  });
  clearTimeout(limit);
  return { code, output, ...readEvents(call.eventLog) };
}

interface EngineEvent {
  readonly diagnosticEvent?: { readonly severity: string; readonly message: string };
  readonly resOutputsEvent?: { readonly metadata: { readonly op: string; readonly urn: string } };
  readonly summaryEvent?: { readonly resourceChanges: Record<string, number> };
}

function readEvents(path: string | undefined): Pick<Operation, "changes" | "problems" | "steps"> {
  const changes: Record<string, number> = {};
  const problems: string[] = [];
  const steps: string[] = [];
  const text = path !== undefined && existsSync(path) ? readFileSync(path, "utf8") : "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const { diagnosticEvent, resOutputsEvent, summaryEvent }: EngineEvent = JSON.parse(line);
    if (diagnosticEvent !== undefined && /^(?:error|warning)$/.test(diagnosticEvent.severity)) {
      problems.push(diagnosticEvent.message.replace(/<\{%\w+%\}>/g, "").trim());
    }
    if (resOutputsEvent !== undefined && resOutputsEvent.metadata.op !== "same") {
      const { op, urn } = resOutputsEvent.metadata;
      const [, type, name] = /([^:$]+)::([^:]+)$/.exec(urn) ?? [];
      steps.push(`${op} ${type}[${name}]`);
    }
    for (const [op, count] of Object.entries(summaryEvent?.resourceChanges ?? {})) {
      if (op !== "same") changes[op] = count;
    }
  }
  return { changes, problems, steps };
}
