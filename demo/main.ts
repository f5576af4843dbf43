/**
 * `npm run demo`: an AMI with two volumes goes from a commercial account to a GovCloud account, on
 * this machine, with the real Pulumi engine; then every byte is compared.
 *
 *   npm run demo                 all of it, from the beginning
 *   npm run demo -- licensed     the same with an image that AWS bills as Windows
 *   npm run demo -- unreadable   the same with an image that may be launched but not read
 *   npm run demo -- up           and refresh, destroy, drift, list, shell: go on by hand
 *   npm run demo -- stop         end the demo's localcloud, remove its files
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { formatListing } from "../cli/listing-table.ts";
import type { Listing } from "../localcloud/admin.ts";
import { connectAdmin } from "../localcloud/admin-client.ts";
import { pulumiCli } from "../tools/pulumi-cli.ts";
import { endDemo, ROOT, readDemoState } from "./demo-state.ts";
import { DRIFTS } from "./drift.ts";
import {
  DESTINATION_REGION,
  readStackOutputs,
  runPulumi,
  shellEnvironment,
  stackEnvironment,
} from "./pulumi-stack.ts";
import { openClient } from "./sdk-client.ts";
import { PLAIN, UNREADABLE, WINDOWS_LIKE } from "./source-kind.ts";
import { runWholeDemo } from "./whole-demo.ts";

const USAGE = `npm run demo [-- VERB]

  (none)     starts anew and runs the whole demo
  licensed   the same with an image that AWS bills as Windows
  unreadable the same with an image that everybody may launch and nobody may read: it is started once
  --small    less to copy; also after licensed and unreadable
  up         pulumi up: changes nothing, or repairs a drift that refresh has seen
  refresh    pulumi refresh: looks for drift
  drift KIND changes the copy behind Pulumi's back; KIND is one of
             ${Object.keys(DRIFTS).join(", ")}
  list       all that exists in the demo's localcloud
  shell      a shell in which pulumi, node and the AWS SDK reach the demo
  destroy    pulumi destroy, then stop
  stop       ends the demo's localcloud and removes the demo's files`;

const stop = new AbortController();
for (const [name, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.on(name, () => {
    if (!stop.signal.aborted) console.error("\nEnding: this takes a few seconds.");
    process.exitCode = exitCode;
    stop.abort();
  });
}

try {
  const exitCode = await perform(process.argv.slice(2));
  process.exitCode ??= exitCode;
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function perform([verb, ...rest]: readonly string[]): Promise<number> {
  switch (verb) {
    case undefined:
    case "--small":
      return runWholeDemo({ isSmall: verb === "--small", kind: PLAIN, signal: stop.signal });
    case "licensed":
    case "unreadable": {
      const kind = verb === "licensed" ? WINDOWS_LIKE : UNREADABLE;
      return runWholeDemo({ isSmall: rest.includes("--small"), kind, signal: stop.signal });
    }
    case "up":
    case "refresh":
      return runPulumi(verb, await goOn(), stop.signal);
    case "destroy": {
      const environment = await goOn();
      const exitCode = await runPulumi("destroy", environment, stop.signal);
      if (exitCode !== 0) return exitCode;
      console.log("\nLeft in localcloud after destroy, terminated instances aside:\n");
      console.log(formatListing(withoutTerminated(await connectAdmin(environment).list())));
      return endIt();
    }
    case "drift":
      return makeDrift(rest[0]);
    case "list":
      console.log(formatListing(await connectAdmin(await goOn()).list()));
      return 0;
    case "shell":
      return openShell();
    case "stop":
      return endIt();
    default:
      console.log(USAGE);
      return verb === "help" || verb === "--help" ? 0 : 2;
  }
}

/** @throws Error when there is nothing to go on with. */
async function goOn(): Promise<NodeJS.ProcessEnv> {
  const state = readDemoState();
  if (state === undefined) throw new Error("No demo is there to go on with: first `npm run demo`.");
  return stackEnvironment(state.env, (await pulumiCli(process.env, stop.signal)).directory);
}

function withoutTerminated({ regions }: Listing): Listing {
  return {
    regions: regions.map((region) => ({
      ...region,
      things: region.things.filter(({ state }) => state !== "terminated"),
    })),
  };
}

async function makeDrift(kind: string | undefined): Promise<number> {
  const drift = kind === undefined ? undefined : DRIFTS[kind];
  if (drift === undefined) {
    const kinds = Object.entries(DRIFTS).map(([name, { what }]) => `  ${name.padEnd(12)} ${what}`);
    console.log(`npm run demo -- drift KIND\n\n${kinds.join("\n")}`);
    return 2;
  }
  const environment = await goOn();
  const { imageId } = await readStackOutputs(environment);
  const client = openClient(environment, "DESTINATION_", DESTINATION_REGION);
  await drift.make(client, imageId);
  client.destroy();
  console.log(`${imageId}: ${drift.what}.`);
  console.log("Now `npm run demo -- refresh` sees it, and `npm run demo -- up` repairs it.");
  return 0;
}

async function openShell(): Promise<number> {
  const environment = shellEnvironment(await goOn());
  console.log("A shell in the demo's environment; `exit` leaves it. For example:");
  console.log("  pulumi preview");
  console.log("  pulumi stack --show-urns");
  console.log("  npm run --silent localcloud -- list");
  const shell = spawn(process.env.SHELL || "/bin/sh", {
    cwd: ROOT,
    env: environment,
    stdio: "inherit",
  });
  const [code] = (await once(shell, "close")) as [number | null];
  return code ?? 1;
}

async function endIt(): Promise<number> {
  const { wasRunning } = await endDemo();
  console.log(
    wasRunning
      ? "The demo's localcloud has ended and its files are removed."
      : "No localcloud of a demo was running; its files are removed.",
  );
  return 0;
}
