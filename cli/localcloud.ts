/**
 * `npm run localcloud -- start|import-image|export-snapshot|configure|list|faults`: localcloud by
 * hand. `start` is the cloud; the others reach a running one through the environment it printed.
 *
 * Standard output carries only what a program may want to read, standard error what a person does.
 * Exit codes: 0 done, 1 could not be done, 2 wrongly asked.
 */

import { readFile } from "node:fs/promises";
import { printable } from "../dynamic-providers/printable.ts";
import { readConfiguration } from "../localcloud/account-configuration.ts";
import { connectAdmin } from "../localcloud/admin-client.ts";
import { formatFired } from "../localcloud/faults/fault-log.ts";
import type { FaultPlan } from "../localcloud/faults/fault-plan.ts";
import { readImageDescription } from "../localcloud/image-description.ts";
import { formatListing } from "./listing-table.ts";
import {
  type ConfigureCommand,
  type ExportSnapshotCommand,
  type FaultsCommand,
  type ImportImageCommand,
  type ListCommand,
  readCommand,
  type StartCommand,
} from "./localcloud-command.ts";
import { USAGE } from "./localcloud-usage.ts";
import { UsageError } from "./usage-error.ts";

const PARENT_LOOK_MS = 1000;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const command = readCommand(argv, callersDirectory());
    switch (command.name) {
      case "help":
        process.stdout.write(USAGE);
        return 0;
      case "start":
        return await start(command);
      case "import-image":
        return await importImage(command);
      case "export-snapshot":
        return await exportSnapshot(command);
      case "configure":
        return await configure(command);
      case "list":
        return await list(command);
      case "faults":
        return await faults(command);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`localcloud: ${printable(message)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function start(command: StartCommand): Promise<number> {
  // Before anything else, so that a signal in the first moment is not lost.
  const stay = openStay(command.endWithStdin);
  try {
    // Only here: the other commands need no AWS SDK and start in a moment.
    const { startLocalcloud } = await import("../localcloud/localcloud.ts");
    const { faultsPath } = command;
    const localcloud = await startLocalcloud({
      ...(command.directory === undefined ? {} : { directory: command.directory }),
      helperNode: command.helperNode,
      isolation: command.isolation,
      ...(faultsPath === undefined ? {} : { faults: await readFaultFile(faultsPath) }),
      onFault: (fired) => process.stderr.write(`localcloud: ${formatFired(fired)}\n`),
    });
    try {
      announce(localcloud, command.json);
      await stay.ended;
    } finally {
      await localcloud.close();
    }
  } finally {
    stay.close();
  }
  return 0;
}

function announce(
  { env, endpoint }: { env: Readonly<Record<string, string>>; endpoint: string },
  json: boolean,
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ env })}\n`);
    return;
  }
  process.stdout.write(exportLines(env));
  process.stderr.write(
    `\nlocalcloud runs at ${endpoint} until Ctrl-C; run the lines above in another terminal.\n`,
  );
}

async function importImage(command: ImportImageCommand): Promise<number> {
  const { describePath: path, json } = command;
  const describe = path === undefined ? undefined : readImageDescription(await readJson(path));
  const request = { ...command.request, ...(describe === undefined ? {} : { describe }) };
  const image = await connectAdmin(process.env).importImage(request);
  process.stdout.write(json ? `${JSON.stringify(image)}\n` : `${image.imageId}\n`);
  return 0;
}

async function exportSnapshot({ request }: ExportSnapshotCommand): Promise<number> {
  const { sizeBytes } = await connectAdmin(process.env).exportSnapshot(request);
  process.stderr.write(`${request.snapshotId} → ${request.path} (${sizeBytes} bytes)\n`);
  return 0;
}

async function configure({ place, path }: ConfigureCommand): Promise<number> {
  const settings = readConfiguration(await readJson(path));
  const configured = await connectAdmin(process.env).configure({ ...place, settings });
  process.stdout.write(`${JSON.stringify(configured)}\n`);
  return 0;
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new Error(`${path} cannot be read: ${error.message}`);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON`, { cause: error });
  }
}

async function list({ json }: ListCommand): Promise<number> {
  const listing = await connectAdmin(process.env).list();
  process.stdout.write(
    json ? `${JSON.stringify(listing, undefined, 2)}\n` : formatListing(listing),
  );
  return 0;
}

async function faults({ path, json }: FaultsCommand): Promise<number> {
  const admin = connectAdmin(process.env);
  if (path !== undefined) {
    await admin.setFaults(await readFaultFile(path));
    return 0;
  }
  const { fired } = await admin.firedFaults();
  const lines = fired.map((one) => `${one.at} ${formatFired(one)}\n`);
  process.stdout.write(json ? `${JSON.stringify(fired, undefined, 2)}\n` : lines.join(""));
  return 0;
}

async function readFaultFile(path: string): Promise<FaultPlan> {
  const { parseFaultPlan } = await import("../localcloud/faults/fault-plan.ts");
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new Error(`the fault file ${path} cannot be read: ${error.message}`);
  });
  try {
    return parseFaultPlan(text);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

interface Stay {
  /** Settles when the cloud is to end. */
  readonly ended: Promise<void>;
  close(): void;
}

/** A second signal ends the process at once; its machines end with it. */
function openStay(endWithStdin: boolean): Stay {
  const asked = Promise.withResolvers<void>();
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      asked.resolve();
    });
  }
  // Whoever read our first lines may go; that is no reason to end.
  process.stdout.on("error", () => {});
  if (endWithStdin) {
    process.stdin.on("end", asked.resolve).on("error", asked.resolve).resume();
  }
  // A signal to `npm run` ends npm and its shell, but does not reach us: then we have lost our parent.
  const npmShell = process.env.npm_lifecycle_event === undefined ? undefined : process.ppid;
  // Also keeps the process alive: a promise alone does not.
  const clock = setInterval(() => {
    if (npmShell !== undefined && process.ppid !== npmShell) asked.resolve();
  }, PARENT_LOOK_MS);
  return {
    ended: asked.promise,
    close: () => {
      clearInterval(clock);
      process.stdin.destroy();
    },
  };
}

/** For a POSIX shell, whatever is in the values. */
function exportLines(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}

/** npm runs scripts in the package's folder; file names are meant from where the person is. */
function callersDirectory(): string {
  const { npm_lifecycle_event: script, INIT_CWD: directory } = process.env;
  return script === "localcloud" && directory !== undefined ? directory : process.cwd();
}
