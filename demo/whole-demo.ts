/**
 * The demo from the beginning:
 *
 *   1. build amicopy, find the Pulumi CLI
 *   2. make two source disks, start a localcloud, import the disks as an AMI
 *   3. `pulumi up`
 *   4. export the copy's snapshots, compare every byte with the source disks; of a licensed image
 *      also what it is billed as
 *   5. show what was made, what is left, and how long it took
 *
 * Whatever ends it early also ends the localcloud with every machine in it.
 */

import { execFile } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { planCopy } from "../dynamic-providers/plan-copy.ts";
import type { Estimate } from "../dynamic-providers/workflow/estimate.ts";
import type { ListedThing } from "../localcloud/admin.ts";
import { connectAdmin } from "../localcloud/admin-client.ts";
import { pulumiCli } from "../tools/pulumi-cli.ts";
import { addStepTimes, createdThings } from "./call-report.ts";
import { compareDisks } from "./compare-disks.ts";
import { beginDemo, DEMO_DIRECTORY, endOwnDemo, ROOT } from "./demo-state.ts";
import { estimateRows } from "./estimate-report.ts";
import type { KeptCall } from "./keep-localcloud.ts";
import { proveLicence } from "./licence-proof.ts";
import { LocalcloudProcess } from "./localcloud-process.ts";
import {
  DESTINATION_REGION,
  initializeStack,
  readStackOutputs,
  runPulumi,
  SOURCE_REGION,
  type StackOutputs,
  stackEnvironment,
} from "./pulumi-stack.ts";
import { showBoot, showUnreadable } from "./show-unreadable.ts";
import { makeSourceDisks, type SourceDisk } from "./source-disks.ts";
import { type SourceKind, underNamesOf } from "./source-kind.ts";
import { Stopwatch } from "./stopwatch.ts";
import { formatTable } from "./table.ts";

const run = promisify(execFile);

export interface WholeDemoOptions {
  /** Less to copy: for a slow machine. */
  readonly isSmall: boolean;
  readonly kind: SourceKind;
  readonly signal: AbortSignal;
}

export async function runWholeDemo({ isSmall, kind, signal }: WholeDemoOptions): Promise<number> {
  const stopwatch = new Stopwatch();
  const pulumiDirectory = await stopwatch.part("The tools", () => prepareTools(signal));
  const { wasRunning } = await beginDemo();
  if (wasRunning) console.log("The localcloud of an earlier demo has been ended.");
  let cloud: LocalcloudProcess | undefined;
  let complete = false;
  try {
    const disks = await stopwatch.part("Source disks", () => makeDisks(isSmall, kind, signal));
    cloud = await stopwatch.part("An EC2 on this machine", startCloud);
    const environment = stackEnvironment(cloud.env, pulumiDirectory);
    const imported = await stopwatch.part("The source AMI", () =>
      importAmi(environment, kind, disks),
    );
    signal.throwIfAborted();
    await initializeStack(environment, imported, kind);

    const estimate = await estimateFor(environment, imported, kind);
    const callsBefore = (await cloud.calls()).length;
    const exitCode = await stopwatch.part("pulumi up", () => runPulumi("up", environment, signal));
    signal.throwIfAborted();
    if (exitCode !== 0) throw new Error(`pulumi up failed (exit code ${exitCode}).`);
    const calls = (await cloud.calls()).slice(callsBefore);
    addStepTimes(stopwatch, calls);
    stopwatch.addRest("Pulumi itself and the program");

    const equal = await stopwatch.part("Every byte compared", async () =>
      compareCopy({ environment, disks, outputs: await readStackOutputs(environment), signal }),
    );
    const sameLicence = !kind.isLicensed || (await compareLicence(environment, imported));
    if (kind.allowBootOfSource) showBoot((await readStackOutputs(environment)).fidelity);
    await showWhatIsLeft(environment, calls);
    await showEstimate(environment, estimate);
    console.log(`\n── Times ${"─".repeat(71)}\n\n${formatTable(stopwatch.rows())}`);
    if (!equal || !sameLicence) {
      throw new Error("The copy differs from its source: this must never happen.");
    }
    await cloud.keep();
    complete = true;
    sayHowToGoOn();
    return 0;
  } finally {
    if (!complete) {
      await cloud?.end();
      await endOwnDemo();
      console.error("The demo is over: its localcloud has ended, its files are removed.");
    }
  }
}

async function prepareTools(signal: AbortSignal): Promise<string> {
  const { stdout } = await run(process.execPath, [join(ROOT, "tools/build.ts")], { signal });
  process.stdout.write(stdout);
  const { directory } = await pulumiCli(process.env, signal);
  const { stdout: version } = await run(join(directory, "pulumi"), ["version"], {
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    signal,
  });
  console.log(`Pulumi ${version.trim()}`);
  return directory;
}

async function makeDisks(
  isSmall: boolean,
  kind: SourceKind,
  signal: AbortSignal,
): Promise<readonly SourceDisk[]> {
  const directory = join(DEMO_DIRECTORY, "disks");
  const disks = underNamesOf(kind, await makeSourceDisks({ directory, isSmall, signal }));
  const rows = disks.map((disk) => [disk.deviceName, formatSize(disk.sizeBytes), disk.content]);
  console.log(formatTable(rows));
  return disks;
}

async function startCloud(): Promise<LocalcloudProcess> {
  const cloud = await LocalcloudProcess.start();
  console.log(`  localcloud at ${cloud.env.AWS_ENDPOINT_URL}`);
  return cloud;
}

async function importAmi(
  environment: NodeJS.ProcessEnv,
  { name, owner, describe }: SourceKind,
  disks: readonly SourceDisk[],
): Promise<string> {
  const imported = await connectAdmin(environment).importImage({
    region: SOURCE_REGION,
    name,
    ...(owner !== undefined && { account: owner }),
    disks: disks.map(({ deviceName, path }) => ({ deviceName, path })),
    describe,
  });
  const { imageId, account, snapshotIds } = imported;
  console.log(
    `  ${imageId} in account ${account}, ${SOURCE_REGION}, of ${snapshotIds.join(" and ")}`,
  );
  if (owner !== undefined) await showUnreadable(environment, imported);
  return imageId;
}

/** What `pulumi up` will say before its helpers start, to be held against what they then do. */
async function estimateFor(
  environment: NodeJS.ProcessEnv,
  imageId: string,
  { allowBootOfSource = false }: SourceKind,
): Promise<Estimate> {
  const sides = {
    source: { region: SOURCE_REGION, environmentPrefix: "SOURCE_" },
    destination: { region: DESTINATION_REGION, environmentPrefix: "DESTINATION_" },
  };
  const { estimate, problems } = await planCopy(
    { sourceAmiId: imageId, ...sides, allowBootOfSource },
    environment,
  );
  if (estimate !== undefined) return estimate;
  throw new Error(`There is no plan: ${problems.map(({ message }) => message).join(" ")}`);
}

async function showEstimate(environment: NodeJS.ProcessEnv, estimate: Estimate): Promise<void> {
  const rows = estimateRows(estimate, await readStackOutputs(environment));
  console.log(`\n── The estimate, and what was measured ${"─".repeat(41)}\n\n${formatTable(rows)}`);
  console.log("\n  What an estimate stands on: docs/estimate.md");
}

async function compareCopy(options: {
  readonly environment: NodeJS.ProcessEnv;
  readonly disks: readonly SourceDisk[];
  readonly outputs: StackOutputs;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { environment, disks, outputs, signal } = options;
  const exported = join(DEMO_DIRECTORY, "exported");
  mkdirSync(exported, { recursive: true });
  let equal = true;
  for (const disk of disks) {
    const snapshot = outputs.snapshots.find(({ deviceName }) => deviceName === disk.deviceName);
    if (snapshot === undefined) throw new Error(`The copy has no ${disk.deviceName}.`);
    const { snapshotId, digest } = snapshot;
    const copyPath = join(exported, `${snapshotId}.raw`);
    await connectAdmin(environment).exportSnapshot({
      region: DESTINATION_REGION,
      snapshotId,
      path: copyPath,
    });
    const { sizeBytes, path } = disk;
    const found = await compareDisks({ path, copyPath, sizeBytes, signal });
    const difference =
      found.firstDifference === undefined
        ? `all ${sizeBytes} bytes are equal`
        : `DIFFERENT at byte ${found.firstDifference}`;
    const digests = found.digest === digest ? "the same" : "ANOTHER ONE";
    console.log(`  ${disk.deviceName}  ${snapshotId}: ${difference}`);
    console.log(`    digest in the stack's outputs  ${digest}`);
    console.log(`    digest of the source file      ${found.digest}  ${digests}`);
    equal &&= found.firstDifference === undefined && found.digest === digest;
  }
  rmSync(exported, { recursive: true });
  const sharePercent = (100 * outputs.bytesSent) / disks.reduce((sum, d) => sum + d.sizeBytes, 0);
  console.log(
    `  read ${formatSize(outputs.bytesRead)}, sent ${formatSize(outputs.bytesSent)}: ` +
      `${sharePercent.toFixed(1)} % of the disks' size: zeros are not sent, and the rest is compressed`,
  );
  return equal;
}

function compareLicence(environment: NodeJS.ProcessEnv, sourceImageId: string): Promise<boolean> {
  console.log(`\n── Billed as its source ${"─".repeat(56)}\n`);
  return readStackOutputs(environment).then(({ imageId }) =>
    proveLicence(environment, { sourceImageId, imageId }),
  );
}

/** What the copy made, in the order it was made, and whether it is still there. */
async function showWhatIsLeft(
  environment: NodeJS.ProcessEnv,
  calls: readonly KeptCall[],
): Promise<void> {
  const listing = await connectAdmin(environment).list();
  const left = new Map<string, ListedThing>();
  for (const { things } of listing.regions) for (const thing of things) left.set(thing.id, thing);
  const isGone = (thing: ListedThing | undefined) =>
    thing === undefined || thing.state === "terminated";
  console.log(`\n── Made by the copy, and left ${"─".repeat(50)}\n`);
  const made = createdThings(calls);
  // Which snapshots an image of an instance gets is not in the answer of the call that makes it.
  const others = (listing.regions.find(({ region }) => region === DESTINATION_REGION)?.things ?? [])
    .filter(({ id, kind }) => kind === "snapshot" && !made.some((one) => one.id === id))
    .map(({ id }) => ({ id, region: DESTINATION_REGION }));
  const rows = [...made, ...others].map(({ id, region }) => {
    const thing = left.get(id);
    return [region, id, isGone(thing) ? "gone" : `left (${thing?.kind}, ${thing?.state})`];
  });
  console.log(formatTable(rows));
}

function sayHowToGoOn(): void {
  console.log(`
── Go on by hand ${"─".repeat(63)}

  npm run demo -- up                 changes nothing
  npm run demo -- drift description  changes the copy behind Pulumi's back; then
  npm run demo -- refresh            sees it, and
  npm run demo -- up                 repairs it (other drifts: tags, public, deregister)
  npm run demo -- list               all that exists
  npm run demo -- shell              a shell in which pulumi reaches the demo's stack
  npm run demo -- destroy            removes the copy, then ends the demo

  For this the demo's localcloud keeps running in the background. \`npm run demo -- stop\`
  ends it at once; 30 minutes without a call end it too.`);
}

function formatSize(bytes: number): string {
  const mib = bytes / 1024 ** 2;
  return mib < 1024 ? `${mib.toFixed(0)} MiB` : `${(mib / 1024).toFixed(1)} GiB`;
}
