/**
 * `npm run tsunami -- serve|get|list`: the transfer engine by hand, in the classic revision that any
 * original Tsunami speaks, or sealed.
 *
 * Standard output carries results, standard error what a person may want to know besides.
 */

import { printable, printableLine } from "../dynamic-providers/printable.ts";
import { TransferError } from "../tsunami/transfer-error.ts";
import { getFiles, listFiles, serveFiles } from "./tsunami-classic.ts";
import { readCommand, type TsunamiCommand } from "./tsunami-command.ts";
import type { TsunamiOutput } from "./tsunami-output.ts";
import { getSealed, listSealed, serveSealed } from "./tsunami-sealed.ts";
import { USAGE } from "./tsunami-usage.ts";
import { UsageError } from "./usage-error.ts";

/** By the code of the error; what is not here is 1. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  "file-missing": 3,
  "peer-refused": 4,
  "peer-unreachable": 5,
  "peer-lost": 5,
  "disk-io": 6,
  "disk-size": 6,
  stopped: 130,
};

/** Ours. A second Ctrl-C so much later is a person's: npm hands on the first, which came by itself. */
const AGAIN_MS = 500;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const { signal } = stopOnSignals();
  try {
    await run(readCommand(argv, callersDirectory()), {
      say: (line) => process.stdout.write(`${line}\n`),
      note: (line) => process.stderr.write(`tsunami: ${printableLine(line)}\n`),
      signal,
    });
    return 0;
  } catch (failure) {
    // What broke because we let go of it is not what a person has to know.
    const error: unknown = signal.aborted ? signal.reason : failure;
    const message = error instanceof Error ? error.message : String(error);
    // Only what is wrongly asked has lines of ours; a peer's names and reasons get none.
    const shown = error instanceof UsageError ? printable(message) : printableLine(message);
    process.stderr.write(`tsunami: ${shown}\n`);
    return exitCodeOf(error);
  }
}

/**
 * The first one asks the command to end well, which takes some seconds with a peer that is silent; one
 * that comes later ends it at once. Heard to the end: nothing must be left undone by the first one's
 * echo.
 */
function stopOnSignals(): AbortController {
  const stop = new AbortController();
  let firstMs = 0;
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (!stop.signal.aborted) firstMs = nowMs;
    else if (nowMs - firstMs > AGAIN_MS) {
      process.stderr.write("\ntsunami: stopped at once\n");
      process.exit(EXIT_CODES.stopped);
    }
    stop.abort(new TransferError("stopped", "stopped on request"));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return stop;
}

async function run(command: TsunamiCommand, output: TsunamiOutput): Promise<void> {
  if (command.name === "help") {
    process.stdout.write(USAGE);
    return;
  }
  const { credentials } = command;
  if (credentials.kind === "sealed") {
    if (command.name === "serve") await serveSealed(command, credentials.psk, output);
    else if (command.name === "get") await getSealed(command, credentials.psk, output);
    else await listSealed(command, credentials.psk, output);
    return;
  }
  if (command.name === "serve") await serveFiles(command, credentials.secret, output);
  else if (command.name === "get") await getFiles(command, credentials.secret, output);
  else await listFiles(command, credentials.secret, output);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return EXIT_CODES[code] ?? 1;
}

/** npm runs scripts in the package's folder; files are meant from where npm was called. */
function callersDirectory(): string {
  const { npm_lifecycle_event: script, INIT_CWD: directory } = process.env;
  if (script === "tsunami" && directory !== undefined) process.chdir(directory);
  return process.cwd();
}
