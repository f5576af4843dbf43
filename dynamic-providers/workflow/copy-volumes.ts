/**
 * The part of a copy that needs helpers: launch, introduce, transfer, snapshot. In at the top go the
 * volumes that are still missing, out come finished snapshots and the story of the two helpers.
 */

import type { HelperSide } from "../../agent/contract.ts";
import type { LaunchVolume } from "../ec2/instance.ts";
import { chooseHelper, type HelperChoice } from "./choose-helper.ts";
import type { Claim } from "./claim-attempt.ts";
import { CopyError } from "./copy-error.ts";
import type { HelperFacts } from "./copy-request.ts";
import type { SourceVolume } from "./describe-source.ts";
import { endInstance } from "./end-machines.ts";
import { isEncryptionWanted } from "./find-finished.ts";
import { listenerOf, whyApart } from "./find-reach.ts";
import { HelperConsole } from "./helper-console.ts";
import { deviceNames } from "./helper-job.ts";
import { closeForBoot, introduce } from "./introduce.ts";
import type { KeepAlive } from "./keep-alive.ts";
import { DEFAULT_KEY, type KeyUse } from "./key-trouble.ts";
import { type Helper, launchHelper, VOLUME_PERFORMANCE } from "./launch-helper.ts";
import { both, cloudOf, inStep, type Run } from "./run.ts";
import { type ProvedVolume, type SnapshotCopy, snapshotVolumes } from "./snapshot-volumes.ts";
import { type Transferred, transfer } from "./transfer.ts";

export interface CopiedVolumes {
  readonly copies: readonly SnapshotCopy[];
  readonly helpers: { readonly source: HelperFacts; readonly destination: HelperFacts };
  readonly transferred: Transferred;
}

export async function copyVolumes(
  run: Run,
  claims: readonly Claim[],
  alive: KeepAlive,
  volumes: readonly SourceVolume[],
): Promise<CopiedVolumes> {
  const [source, destination] = await inStep(run, "launch-helper", () =>
    launchBoth(run, claims, alive, volumes),
  );
  const consoles = [source, destination].map(
    (helper) => new HelperConsole(cloudOf(run, helper.side), helper, run.clock.now()),
  ) as [HelperConsole, HelperConsole];
  await inStep(run, "introduce", () => introduce(run, ...consoles));
  const names = volumes.map(({ snapshot }) => snapshot.snapshotId);
  const transferred = await inStep(run, "transfer", () => transfer(run, ...consoles, names));
  // The source has done its part; a snapshot needs the destination's volumes only.
  const [sourceFacts, copies] = await both(
    inStep(run, "end-helper", () => endHelper(run, alive, source)),
    inStep(run, "snapshot-volumes", () =>
      snapshotVolumes(
        run,
        provedVolumes(destination, volumes, transferred),
        keyUseOf(run, "destination", volumes),
      ),
    ),
  );
  const destinationFacts = await inStep(run, "end-helper", () =>
    endHelper(run, alive, destination),
  );
  return { copies, helpers: { source: sourceFacts, destination: destinationFacts }, transferred };
}

async function launchBoth(
  run: Run,
  claims: readonly Claim[],
  alive: KeepAlive,
  volumes: readonly SourceVolume[],
): Promise<[Helper, Helper]> {
  const [source, destination] = await both(
    choicesFor(run, "source", volumes.length),
    choicesFor(run, "destination", volumes.length),
  );
  const listener = meet(source, destination);
  const launch = async (side: HelperSide) => {
    const groupId = claims.find((claim) => claim.side === side)?.groupId ?? "";
    const choices = side === "source" ? source : destination;
    await closeForBoot(run, side, groupId);
    const launched = await launchHelper(run, {
      side,
      choices,
      groupId,
      listens: side === listener,
      volumes: launchVolumes(run, side, volumes),
      keyUse: keyUseOf(run, side, volumes),
    });
    alive.add(launched);
    return launched;
  };
  return both(launch("source"), launch("destination"));
}

async function choicesFor(run: Run, side: HelperSide, count: number): Promise<HelperChoice[]> {
  const found = await chooseHelper(cloudOf(run, side), run.request.helper[side], count);
  if ("choices" in found) return found.choices;
  const [none] = found.none;
  throw new CopyError(none?.message ?? "no helper type", {
    code: "no-capacity",
    step: "choose-helper",
    ...(none !== undefined && { hint: none.hint }),
  });
}

/** Whoever can be reached listens. The routes may have changed since preflight looked. */
function meet([source]: readonly HelperChoice[], [destination]: readonly HelperChoice[]) {
  if (source === undefined || destination === undefined) return "destination";
  const apart = whyApart(source.reach, destination.reach);
  if (apart === undefined) return listenerOf(source.reach, destination.reach);
  const { message, hint } = apart;
  throw new CopyError(message, { code: "preflight", step: "choose-helper", hint });
}

/** The source's from the image's snapshots, the destination's blank and of the same size. */
function launchVolumes(
  run: Run,
  side: HelperSide,
  volumes: readonly SourceVolume[],
): LaunchVolume[] {
  const names = deviceNames(volumes.length);
  return volumes.map(({ snapshot }, index): LaunchVolume => {
    const common = {
      deviceName: names[index] ?? "",
      sizeGib: snapshot.volumeSizeGib,
      ...VOLUME_PERFORMANCE,
    };
    if (side === "source") return { ...common, snapshotId: snapshot.snapshotId };
    const { kmsKeyId } = run.request;
    if (!isEncryptionWanted(run.request, snapshot)) return common;
    return { ...common, encrypted: true, ...(kmsKeyId !== undefined && { kmsKeyId }) };
  });
}

/** Keys that EC2 has to use for a side's volumes; it is not told of those it chooses itself. */
export function keyUseOf(
  { request }: Run,
  side: HelperSide,
  volumes: readonly SourceVolume[],
): KeyUse {
  if (side === "source") {
    const keys = volumes.flatMap(({ snapshot }) =>
      snapshot.encrypted ? `${snapshot.kmsKeyId ?? "the key"} of ${snapshot.snapshotId}` : [],
    );
    return { keys, for: "read" };
  }
  const isEncrypted = volumes.some(({ snapshot }) => isEncryptionWanted(request, snapshot));
  return { keys: isEncrypted ? [request.kmsKeyId ?? DEFAULT_KEY] : [], for: "write" };
}

function provedVolumes(
  { instance }: Helper,
  volumes: readonly SourceVolume[],
  { digests }: Transferred,
): ProvedVolume[] {
  const names = deviceNames(volumes.length);
  return volumes.map((source, index) => {
    const volume = instance.volumes.find(({ deviceName }) => deviceName === names[index]);
    const digest = digests[index];
    if (volume !== undefined && digest !== undefined) {
      return { source, volumeId: volume.volumeId, digest };
    }
    throw new CopyError(`instance ${instance.instanceId} shows no volume at ${names[index]}`, {
      code: "helper-lost",
      step: "snapshot-volumes",
      ids: [instance.instanceId],
    });
  });
}

async function endHelper(run: Run, alive: KeepAlive, helper: Helper): Promise<HelperFacts> {
  const { side, instance } = helper;
  alive.drop(helper);
  await endInstance(run, cloudOf(run, side), instance.instanceId);
  helper.undo.dismiss();
  run.report(side, `${instance.instanceId} terminated`);
  return {
    instanceId: instance.instanceId,
    instanceType: instance.instanceType,
    availabilityZone: instance.availabilityZone,
    launchedAt: instance.launchedAt,
    terminatedAt: new Date(run.clock.now()).toISOString(),
    outcome: "complete",
  };
}
