/**
 * Needs: a source that may be launched but whose snapshots may not be read, and leave to do so.
 * Makes: an instance of it that nobody reaches and that reaches nobody, and a snapshot of each of its
 * volumes.  Undoes: the instance before it returns, the snapshots when the run ends, always.
 *
 *   1 close     the security group of the source's claim has no rule, neither in nor out
 *   2 launch    without public address, role, key, user data or metadata service
 *   3 stop      as soon as it runs, without asking its system
 *   4 snapshot  all volumes at once
 *   5 end       the instance, and its volumes with it
 *
 * Nothing of ours runs on it, so no lease ends it: if this process dies between 2 and 5 it stays until
 * the next `up`, a `destroy` or a sweep. Its tags say so from the launch on.
 */

import { Role, Tag } from "../../agent/contract.ts";
import { type CloudError, isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import type { BootRequest, Instance } from "../ec2/instance.ts";
import type { Snapshot } from "../ec2/snapshot.ts";
import { chooseBoot, snapshotDevices } from "./choose-boot.ts";
import { completeSnapshots } from "./complete-snapshots.ts";
import { CopyError } from "./copy-error.ts";
import type { SourceImage, SourceVolume } from "./describe-source.ts";
import { endInstance } from "./end-machines.ts";
import { type KeyUse, keyTrouble } from "./key-trouble.ts";
import { repeatWithToken } from "./repeat-with-token.ts";
import { clientToken, type Run, runTags } from "./run.ts";
import { waitUntil } from "./wait-until.ts";
import { createWhenRoom } from "./when-room.ts";

const STEP = "boot-source";

/** The key of a foreign snapshot is not shown to us. */
const KEY_USE: KeyUse = { keys: ["the key of its snapshots"], for: "read" };

/** @returns A volume for each device of the image that has a snapshot. */
export async function bootSource(
  run: Run,
  groupId: string,
  source: SourceImage,
): Promise<SourceVolume[]> {
  const cloud = run.clouds.source;
  await cloud.closeSecurityGroup(groupId);
  await run.checkFence();
  const launched = await launch(run, groupId, source);
  const { instanceId } = launched;
  const undo = run.undo.always(`instance ${instanceId} in ${cloud.region}`, () =>
    endInstance({ ...run, signal: AbortSignal.timeout(run.limits.undoMs) }, cloud, instanceId),
  );
  run.report("source", `${instanceId} starting: ${source.image.imageId} itself, once`);
  await waitFor(run, instanceId, "running");
  await cloud.stopInstance(instanceId);
  run.report("source", `${instanceId} stopping`);
  const stopped = await waitFor(run, instanceId, "stopped");
  const volumes = await snapshotAll(run, source, stopped);
  await endInstance(run, cloud, instanceId);
  undo.dismiss();
  run.report("source", `${instanceId} terminated, its snapshots stay until they are copied`);
  return volumes;
}

async function launch(run: Run, groupId: string, { image }: SourceImage): Promise<Instance> {
  const cloud = run.clouds.source;
  const found = await chooseBoot(cloud, image, run.request.helper.source.subnetId);
  if ("none" in found) throw noPlace(found.none.message, found.none.hint);
  const deviceNames = snapshotDevices(image).map(({ deviceName }) => deviceName);
  const leftOut = image.blockDevices
    .map(({ deviceName }) => deviceName)
    .filter((name) => !deviceNames.includes(name));
  const tried: string[] = [];
  const unfit = new Set<string>();
  for (const [index, { instanceType, subnet }] of found.choices.entries()) {
    if (unfit.has(instanceType)) continue;
    const request: BootRequest = {
      clientToken: clientToken(run, Role.bootedSource, index),
      imageId: image.imageId,
      instanceType,
      subnetId: subnet.subnetId,
      securityGroupId: groupId,
      deviceNames,
      leftOut,
      tags: {
        Name: `${run.request.temporaryNamePrefix}-booted-source`,
        ...runTags(run, Role.bootedSource),
      },
    };
    try {
      return await repeatWithToken(run, () => cloud.bootImage(request));
    } catch (error) {
      if (!isCloudError(error)) throw error;
      if (isUnfit(error)) unfit.add(instanceType);
      else if (error.kind !== "capacity") throw error;
      tried.push(`${instanceType} in ${subnet.availabilityZone} (${error.code})`);
    }
  }
  throw noPlace(
    `no instance of ${image.imageId} could be started: tried ${tried.join(", ")}`,
    "Try again later, give helper.source.subnetId, or have its snapshots shared.",
  );
}

/** The image does not allow this type, or the type has not what the image needs: another may do. */
function isUnfit({ code }: CloudError): boolean {
  return /^(InvalidParameterCombination|InvalidParameterValue|UnsupportedOperation)$/.test(code);
}

function noPlace(message: string, hint: string): CopyError {
  return new CopyError(message, { code: "no-capacity", step: STEP, hint });
}

async function waitFor(
  run: Run,
  instanceId: string,
  wanted: "running" | "stopped",
): Promise<Instance> {
  const cloud = run.clouds.source;
  return waitUntil(
    run,
    {
      step: STEP,
      what: `instance ${instanceId} in ${cloud.region} to be ${wanted}`,
      limitMs: wanted === "running" ? run.limits.launchMs : run.limits.stopMs,
      ids: [instanceId],
    },
    async () => {
      const [instance] = await cloud.describeInstances({ ids: [instanceId] });
      if (instance === undefined) return undefined;
      if (instance.state === wanted) return instance;
      if (/^(shutting-down|terminated)$/.test(instance.state)) throw ended(instance, cloud, wanted);
      return undefined;
    },
  );
}

function ended({ instanceId, state, stateReason }: Instance, cloud: Ec2, wanted: string) {
  const trouble = keyTrouble(stateReason, KEY_USE);
  const why = trouble?.because ?? (stateReason === undefined ? "" : `: ${stateReason}`);
  const when = wanted === "running" ? "before it ran" : "before it was stopped";
  return new CopyError(`instance ${instanceId} in ${cloud.region} is ${state} ${when}${why}`, {
    code: "helper-lost",
    step: STEP,
    ids: [instanceId],
    hint:
      trouble?.hint ??
      "It is an instance of the source itself, and ends for good when its system shuts down.",
  });
}

async function snapshotAll(
  run: Run,
  source: SourceImage,
  { instanceId, volumes }: Instance,
): Promise<SourceVolume[]> {
  const cloud = run.clouds.source;
  await run.checkFence();
  // By tag, for a call whose answer was lost may have made a set of which we have no ids.
  run.undo.always(`interim snapshots of run ${run.identity.runId} in ${cloud.region}`, async () => {
    for (const { snapshotId } of await findInterim(run)) await cloud.deleteSnapshot(snapshotId);
  });
  const creation = {
    create: () =>
      cloud.createSnapshots({
        instanceId,
        description: `Interim, for the copy of ${source.image.imageId}`,
        tags: {
          Name: `${run.request.temporaryNamePrefix}-interim`,
          ...runTags(run, Role.interimSnapshot),
        },
      }),
    find: async () => {
      const found = await findInterim(run);
      return found.length < volumes.length ? undefined : found;
    },
  };
  const made = await createWhenRoom(run, creation, () =>
    run.report("source", "waiting: the account has too many snapshots in progress"),
  );
  const ids = made.map(({ snapshotId }) => snapshotId);
  const complete = await completeSnapshots(run, cloud, {
    step: STEP,
    ids,
    keyUse: KEY_USE,
    onLook: (percent) => run.report("source", `snapshots of the source ${percent}%`),
  });
  return snapshotDevices(source.image).map(({ deviceName, snapshotId }) => {
    const volume = volumes.find((one) => one.deviceName === deviceName);
    const snapshot = complete.find(({ volumeId }) => volumeId === volume?.volumeId);
    if (volume !== undefined && snapshot !== undefined) {
      return bootedVolume(source, deviceName, snapshotId, snapshot);
    }
    throw new CopyError(`instance ${instanceId} of the source has no snapshot of ${deviceName}`, {
      code: "product-failed",
      step: STEP,
      ids: [instanceId],
    });
  });
}

async function findInterim(run: Run): Promise<(Snapshot & { volumeId: string })[]> {
  const marks = runTags(run, Role.interimSnapshot);
  const tags = Object.fromEntries(
    [Tag.run, Tag.role, Tag.attempt].map((key) => [key, marks[key]] as const),
  );
  const found = await run.clouds.source.describeSnapshots({ tags });
  return found.map((snapshot) => ({ ...snapshot, volumeId: snapshot.volumeId ?? "" }));
}

/** Owner, words, tags and permissions are those of the image's own snapshot, where it can be seen. */
function bootedVolume(
  { image, volumes }: SourceImage,
  deviceName: string,
  bootedFrom: string,
  interim: Snapshot,
): SourceVolume {
  const own = volumes.find(({ snapshot }) => snapshot.snapshotId === bootedFrom);
  const { ownerId = image.ownerId, description = "", tags = {} } = own?.snapshot ?? {};
  return { ...own, deviceName, bootedFrom, snapshot: { ...interim, ownerId, description, tags } };
}
