/**
 * Needs: a claim, choices of type and zone.  Makes: one instance with its volumes, in one call.
 * Undoes: the instance, always; its volumes go with it.
 */

import { type HelperSide, Tag } from "../../agent/contract.ts";
import type { Instance, LaunchVolume } from "../ec2/instance.ts";
import type { HelperChoice } from "./choose-helper.ts";
import { CopyError } from "./copy-error.ts";
import { endInstance } from "./end-machines.ts";
import type { Reach } from "./find-reach.ts";
import { helperJob } from "./helper-job.ts";
import { type KeyUse, keyTrouble } from "./key-trouble.ts";
import { launchSomewhere } from "./launch-somewhere.ts";
import { clientToken, cloudOf, type Run, roleOf, runTags } from "./run.ts";
import type { Undo } from "./undo-stack.ts";
import { userDataFor } from "./user-data.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "launch-helper";

/** A launched helper. */
export interface Helper {
  readonly side: HelperSide;
  readonly instance: Instance;
  /** Where the other helper sees it. */
  readonly address: string;
  readonly listens: boolean;
  readonly groupId: string;
  readonly undo: Undo;
}

export interface HelperPlan {
  readonly side: HelperSide;
  readonly choices: readonly HelperChoice[];
  readonly groupId: string;
  readonly listens: boolean;
  /** In the order of the job; their index is the volume's name on the wire. */
  readonly volumes: readonly LaunchVolume[];
  /** What they are under. */
  readonly keyUse: KeyUse;
}

/** @throws CopyError `no-capacity` when no zone and type has room. */
export async function launchHelper(run: Run, plan: HelperPlan): Promise<Helper> {
  const { side, groupId, listens } = plan;
  const cloud = cloudOf(run, side);
  await run.checkFence();
  const { instance: launched, choice } = await launch(run, plan);
  const { reach } = choice;
  const { instanceId } = launched;
  const undo = run.undo.always(`instance ${instanceId} in ${cloud.region}`, () =>
    endInstance({ ...run, signal: AbortSignal.timeout(run.limits.undoMs) }, cloud, instanceId),
  );
  run.report(side, `${instanceId} starting (${launched.instanceType})`);
  const { instance, address } = await waitUntil(
    run,
    {
      step: STEP,
      what: `instance ${instanceId} in ${cloud.region} to run`,
      limitMs: run.limits.launchMs,
      ids: [instanceId],
    },
    async () => {
      const [instance] = await cloud.describeInstances({ ids: [instanceId] });
      if (instance === undefined || instance.state === "pending") return undefined;
      if (instance.state !== "running") {
        throw endedEarly(instance, cloud.region, plan.keyUse);
      }
      // What has only just begun to run may not show its volumes yet.
      const shown = new Set(instance.volumes.map(({ deviceName }) => deviceName));
      if (!plan.volumes.every(({ deviceName }) => shown.has(deviceName))) return undefined;
      const address = addressFor(reach, instance);
      if (address === undefined) throw noAddress(instance, side);
      return { instance, address };
    },
  );
  run.report(
    side,
    `${instanceId} booting (${instance.instanceType}, ${instance.availabilityZone})`,
  );
  return { side, instance, address, listens, groupId, undo };
}

function addressFor(reach: Reach, instance: Instance): string | undefined {
  if (reach.kind === "nat") return reach.address;
  return reach.kind === "public" ? instance.publicAddress : instance.privateAddress;
}

function launch(run: Run, plan: HelperPlan): ReturnType<typeof launchSomewhere> {
  const { side, choices, groupId, volumes, listens } = plan;
  const { userDataTemplates, limits, request, attempt, identity } = run;
  const { debug } = request.helper[side];
  const { runId } = identity;
  const job = helperJob(request, { runId, attempt, side, listens, volumes, limits });
  const userData = userDataFor(userDataTemplates[side], job, {
    maxBytes: limits.userDataMaxBytes,
    ...(debug !== undefined && { keepMinutes: debug.keepMinutes }),
  });
  return launchSomewhere(run, {
    step: STEP,
    what: `${side} helper`,
    row: side,
    cloud: cloudOf(run, side),
    choices,
    hint: `Set helper.${side}.instanceType or helper.${side}.subnetId, or try again later.`,
    requestFor: ({ imageId, ownDevices, instanceType, subnet, reach }, index) => ({
      clientToken: clientToken(run, side, index),
      imageId,
      ownDevices,
      instanceType,
      subnetId: subnet.subnetId,
      securityGroupId: groupId,
      ...(reach.kind === "public" && { publicAddress: true }),
      ...(debug !== undefined && { keyName: debug.keyName }),
      userData,
      volumes,
      tags: {
        ...request.helper[side].tags,
        Name: `${request.temporaryNamePrefix}-${side}`,
        ...runTags(run, roleOf(side)),
        [Tag.lease]: "0",
      },
    }),
  });
}

function endedEarly(
  { instanceId, state, stateReason }: Instance,
  region: string,
  keyUse: KeyUse,
): CopyError {
  const trouble = keyTrouble(stateReason, keyUse);
  const why = trouble?.because ?? (stateReason === undefined ? "" : `: ${stateReason}`);
  return new CopyError(`instance ${instanceId} in ${region} is ${state} before it ran${why}`, {
    code: "helper-lost",
    step: STEP,
    ids: [instanceId],
    ...(trouble !== undefined && { hint: trouble.hint }),
  });
}

function noAddress({ instanceId }: Instance, side: HelperSide): CopyError {
  return new CopyError(`instance ${instanceId} got no public address in its subnet`, {
    code: "helper-lost",
    step: STEP,
    ids: [instanceId],
    hint: `Give helper.${side}.subnetId with an internet gateway, or helper.${side}.address "private".`,
  });
}

/** Volume performance that a helper behind an internet gateway (5 Gbit/s) can use. */
export const VOLUME_PERFORMANCE = {
  volumeType: "gp3",
  // gp3's baseline, free; it carries 750 MiB/s (EC2: 0.25 MiB/s for each).
  iops: 3000,
  throughputMibps: 600,
} as const;
