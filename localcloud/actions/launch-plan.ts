/**
 * What a launch will be: image, type, user data, options, volumes, network and tags, all checked,
 * and nothing made yet.
 */

import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import { type Call, refuseMembers } from "../call.ts";
import type { InstanceType } from "../catalog/instance-types.ts";
import { checkSubscribed } from "../marketplace.ts";
import { ApiError, invalidValue, unsupported } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import type { MetadataOptions } from "../records/instance.ts";
import { findImage } from "../sharing.ts";
import { checkMetadataTagKeys, readTagSpecifications } from "../tags.ts";
import { checkVolumeQuota } from "../volume-making.ts";
import { checkInstanceTypeAllowed } from "./image-limits.ts";
import { findKeyPair } from "./key-pairs.ts";
import { checkFit, findType } from "./launch-fit.ts";
import { readMetadataOptions } from "./launch-metadata-options.ts";
import { type LaunchNetwork, planLaunchNetwork } from "./launch-network.ts";
import { type LaunchVolume, planLaunchVolumes } from "./launch-volumes.ts";
import { oneOf } from "./one-of.ts";

/** [UG user-data]: raw, before base64. */
const USER_DATA_MAX_BYTES = 16_384;
/** Ours. These are real processes on the developer's machine. */
const INSTANCES_MAX_COUNT = 20;

export interface Launch {
  readonly image: ImageRecord;
  readonly type: InstanceType;
  readonly userData: Buffer;
  readonly metadataOptions: MetadataOptions;
  readonly volumes: readonly LaunchVolume[];
  readonly network: LaunchNetwork;
  readonly tagsFor: (resourceType: string) => Map<string, string>;
  readonly count: number;
  readonly shutdownBehavior: "stop" | "terminate";
}

export function planLaunch(call: Call, input: RunInstancesRequest): Launch {
  if (input.ImageId === undefined) {
    throw new ApiError("MissingParameter", "The request must contain the parameter ImageId");
  }
  const image = findImage(call, input.ImageId);
  if (image.disabled || image.state.at(call.nowMs) !== "available") {
    const state = image.disabled ? "disabled" : image.state.at(call.nowMs);
    throw new ApiError(
      "InvalidAMIID.Unavailable",
      `The image ID '${image.id}' is not available: its state is ${state}`,
    );
  }
  if (image.rootDeviceType !== "ebs") {
    throw unsupported(`instances of instance-store images (${image.id})`);
  }
  const type = findType(input.InstanceType ?? "m1.small");
  checkFit(image, type);
  checkInstanceTypeAllowed(image, type.name);
  checkSubscribed(call, image.billing);
  refuseMembers(input.Placement, ["AvailabilityZone", "Tenancy"], "Placement");
  if (input.KeyName !== undefined) findKeyPair(call, input.KeyName);
  if (input.IamInstanceProfile !== undefined) {
    const { Arn: arn, Name: name } = input.IamInstanceProfile;
    throw invalidValue(`Value (${arn ?? name}) for parameter iamInstanceProfile is invalid.`);
  }
  const metadataOptions = readMetadataOptions(input, image);
  const tagsFor = readTagSpecifications(input.TagSpecifications, [
    "instance",
    "volume",
    "network-interface",
  ]);
  if (metadataOptions.instanceMetadataTags === "enabled") checkMetadataTagKeys(tagsFor("instance"));
  const count = readCount(input);
  checkVcpuQuota(call, type.vcpus * count);
  const volumes = planLaunchVolumes(call, { image, type, mappings: input.BlockDeviceMappings });
  checkVolumeQuota(
    call,
    volumes.map((one) => one.plan),
  );
  return {
    image,
    type,
    count,
    shutdownBehavior: oneOf(
      input.InstanceInitiatedShutdownBehavior ?? "stop",
      ["stop", "terminate"],
      "InstanceInitiatedShutdownBehavior",
    ),
    userData: readUserData(input.UserData),
    metadataOptions,
    tagsFor,
    network: planLaunchNetwork(call, input, type),
    volumes,
  };
}

/** [errors-overview] VcpuLimitExceeded; a dry run asks only about rights. */
function checkVcpuQuota(call: Call, wanted: number): void {
  const { settings, instances } = call.store;
  const used = [...instances.values()]
    .filter((one) => ["pending", "running"].includes(one.state.at(call.nowMs)))
    .reduce((sum, one) => sum + one.type.vcpus, 0);
  if (call.dryRun || used + wanted <= settings.quotas.vcpus) return;
  throw new ApiError(
    "VcpuLimitExceeded",
    `You have requested more vCPU capacity than your current vCPU limit of ${settings.quotas.vcpus} ` +
      "allows for the instance bucket that the specified instance type belongs to.",
  );
}

function readCount(input: RunInstancesRequest): number {
  const { MinCount: least = 0, MaxCount: most = 0 } = input;
  if (!Number.isInteger(least) || !Number.isInteger(most) || least < 1 || most < least) {
    throw invalidValue(`Value (${least}) for parameter minCount is invalid.`);
  }
  if (least > INSTANCES_MAX_COUNT) {
    throw new ApiError(
      "InstanceLimitExceeded",
      `You have requested more instances (${least}) than your current instance limit of ${INSTANCES_MAX_COUNT} allows.`,
    );
  }
  return Math.min(most, INSTANCES_MAX_COUNT);
}

function readUserData(text: string | undefined): Buffer {
  if (text === undefined) return Buffer.alloc(0);
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) {
    throw new ApiError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data");
  }
  const data = Buffer.from(text, "base64");
  if (data.length > USER_DATA_MAX_BYTES) {
    throw invalidValue(`User data is limited to ${USER_DATA_MAX_BYTES} bytes`);
  }
  return data;
}
