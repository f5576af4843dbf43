#!/usr/bin/env node
/**
 * The package's command, `npx amicopy …`: what a person may need without a stack.
 *
 * Exit codes: 0 done, 1 could not be done, 2 wrongly asked, 130 stopped.
 */

import { readSweepCommand, SWEEP_USAGE } from "./sweep-command.ts";
import { UsageError } from "./usage-error.ts";

const USAGE = `amicopy: copies AMIs across AWS partitions, as a Pulumi resource; see the README

${SWEEP_USAGE}`;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // The second one finds no listener and ends the process.
  process.once(signal, () => stop.abort());
}
process.exitCode = await main(process.argv.slice(2));

async function main([name, ...rest]: readonly string[]): Promise<number> {
  try {
    switch (name) {
      case "sweep":
        return await runSweep(rest);
      case "help":
      case "--help":
      case "-h":
        process.stdout.write(USAGE);
        return 0;
      case undefined:
        throw new UsageError(`a command is missing\n\n${USAGE}`);
      default:
        throw new UsageError("there is one command: sweep (or --help)");
    }
  } catch (error) {
    if (stop.signal.aborted) {
      process.stderr.write("amicopy: stopped; what is left is found by the next sweep\n");
      return 130;
    }
    if (error instanceof UsageError) {
      process.stderr.write(`amicopy: ${error.message}\n`);
      return 2;
    }
    const { messageOf } = await import("./sweep.ts");
    process.stderr.write(`amicopy: ${messageOf(error)}\n`);
    return 1;
  }
}

async function runSweep(args: readonly string[]): Promise<number> {
  const command = readSweepCommand(args);
  if (command === "help") {
    process.stdout.write(SWEEP_USAGE);
    return 0;
  }
  // Only now: whoever asks wrongly needs no AWS SDK to be told so.
  const { sweep } = await import("./sweep.ts");
  return sweep(command, {
    environment: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    signal: stop.signal,
  });
}
