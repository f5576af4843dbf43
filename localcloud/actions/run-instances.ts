/**
 * RunInstances:
 *
 *   1. a known client token: the same instances again
 *   2. image, type, user data, options, volumes, network, tags: everything checked, nothing made
 *   3. volumes and addresses made, instances `pending`
 *   4. each boots in the background (instance-life.ts)
 */

import { randomBytes } from "node:crypto";
import type { Reservation, RunInstancesRequest } from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action, refuseMembers } from "../call.ts";
import { INSTANCE_TYPES, type InstanceType } from "../catalog/instance-types.ts";
import { newId } from "../ids.ts";
import { bringUp } from "../instance-life.ts";
import { checkSubscribed } from "../marketplace.ts";
import { ApiError, invalidCombination, invalidValue, unsupported } from "../protocol/api-error.ts";
import type { ImageRecord, InstanceRecord, MetadataOptions } from "../records.ts";
import { findImage } from "../sharing.ts";
import { State } from "../states.ts";
import { checkMetadataTagKeys, readTagSpecifications } from "../tags.ts";
import { checkVolumeQuota, makeVolume } from "../volume-making.ts";
import { checkInstanceTypeAllowed } from "./image-limits.ts";
import { describeReservation } from "./instance-description.ts";
import { bootsByUefi, EMPTY_VARIABLE_STORE } from "./instance-uefi.ts";
import { findKeyPair } from "./key-pairs.ts";
import { type LaunchNetwork, planLaunchNetwork } from "./launch-network.ts";
import { type LaunchVolume, planLaunchVolumes } from "./launch-volumes.ts";

export const RUN_INSTANCES: Action = ec2Action<RunInstancesRequest, Reservation>(
  "RunInstances",
  [
    "BlockDeviceMappings",
    "ClientToken",
    "DisableApiTermination",
    "EbsOptimized",
    "IamInstanceProfile",
    "ImageId",
    "InstanceInitiatedShutdownBehavior",
    "InstanceType",
    "KeyName",
    "MaxCount",
    "MetadataOptions",
    "MinCount",
    "NetworkInterfaces",
    "Placement",
    "PrivateIpAddress",
    "SecurityGroupIds",
    "SecurityGroups",
    "SubnetId",
    "TagSpecifications",
    "UserData",
  ],
  runInstances,
);

/** [UG user-data]: raw, before base64. */
const USER_DATA_MAX_BYTES = 16_384;
/** Ours. These are real processes on the developer's machine. */
const INSTANCES_MAX_COUNT = 20;
/** [SDK RunInstancesRequest.ClientToken] */
const CLIENT_TOKEN_MAX_LENGTH = 64;

/** Everything that was checked. */
interface Launch {
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

function runInstances(input: RunInstancesRequest, call: Call): Reservation {
  const { store } = call;
  if ((input.ClientToken?.length ?? 0) > CLIENT_TOKEN_MAX_LENGTH) {
    throw invalidValue("The client token is longer than 64 characters.");
  }
  const knownIds = store.tokens.recall("RunInstances", input.ClientToken, input);
  if (knownIds !== undefined) return repeat(call, knownIds);
  const launch = check(input, call);
  call.commit();
  launch.image.lastLaunchedAt = call.now;
  const reservationId = newId("r");
  const instances = Array.from({ length: launch.count }, (_, launchIndex) =>
    makeInstance(call, launch, { input, reservationId, launchIndex }),
  );
  store.tokens.remember(
    "RunInstances",
    input.ClientToken,
    input,
    instances.map((one) => one.id),
  );
  for (const instance of instances) bringUp({ cloud: call.cloud, store }, instance);
  return describeReservation(call, instances);
}

function repeat(call: Call, ids: readonly string[]): Reservation {
  call.endDryRun();
  const instances = ids.flatMap((id) => call.store.instances.get(id) ?? []);
  if (instances.some((one) => one.state.at(call.nowMs) === "terminated")) {
    throw new ApiError(
      "IdempotentInstanceTerminated",
      `The client token provided in this request has been used for an instance that has been terminated: ${ids.join(", ")}`,
    );
  }
  return describeReservation(call, instances);
}

function check(input: RunInstancesRequest, call: Call): Launch {
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

function findType(name: string): InstanceType {
  const type = INSTANCE_TYPES.get(name);
  if (type === undefined) throw invalidValue(`Invalid value '${name}' for InstanceType.`);
  return type;
}

function checkFit(image: ImageRecord, type: InstanceType): void {
  if (image.architecture !== type.architecture) {
    throw invalidValue(
      `The architecture '${type.architecture}' of the specified instance type does not match the ` +
        `architecture '${image.architecture}' of the specified AMI. Specify an instance type and an ` +
        "AMI that have matching architectures, and try again.",
    );
  }
  if (image.virtualizationType !== "hvm") {
    throw invalidCombination(
      `Non-Windows instances with a virtualization type of '${image.virtualizationType}' are currently ` +
        `not supported for the instance type '${type.name}'.`,
    );
  }
  if ((image.bootMode === "uefi" || image.tpmSupport !== undefined) && !type.nitro) {
    throw invalidCombination(
      `The instance type '${type.name}' does not support the boot mode or the NitroTPM of ${image.id}.`,
    );
  }
  if (type.nitro && !image.enaSupport) {
    throw invalidCombination(
      `Enhanced networking with the Elastic Network Adapter (ENA) is required for the '${type.name}' ` +
        "instance type. Ensure that you are using an AMI that is enabled for ENA.",
    );
  }
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

function readMetadataOptions(input: RunInstancesRequest, image: ImageRecord): MetadataOptions {
  const options = input.MetadataOptions ?? {};
  refuseMembers(
    options,
    ["HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "InstanceMetadataTags"],
    "MetadataOptions",
  );
  const hopLimit = options.HttpPutResponseHopLimit ?? (image.imdsSupport === "v2.0" ? 2 : 1);
  if (!(hopLimit >= 1 && hopLimit <= 64)) {
    throw invalidValue(`Value (${hopLimit}) for parameter HttpPutResponseHopLimit is invalid.`);
  }
  const tokenDefault = image.imdsSupport === "v2.0" ? "required" : "optional";
  return {
    hopLimit,
    httpTokens: oneOf(options.HttpTokens ?? tokenDefault, ["optional", "required"], "HttpTokens"),
    httpEndpoint: oneOf(options.HttpEndpoint ?? "enabled", ["enabled", "disabled"], "HttpEndpoint"),
    instanceMetadataTags: oneOf(
      options.InstanceMetadataTags ?? "disabled",
      ["enabled", "disabled"],
      "InstanceMetadataTags",
    ),
  };
}

function oneOf<const Value extends string>(
  value: string,
  allowed: readonly Value[],
  name: string,
): Value {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw invalidValue(`Value (${value}) for parameter ${name} is invalid.`);
  return found;
}

function makeInstance(
  call: Call,
  launch: Launch,
  one: {
    readonly input: RunInstancesRequest;
    readonly reservationId: string;
    readonly launchIndex: number;
  },
): InstanceRecord {
  const { input } = one;
  const { image, type, network } = launch;
  const { zone } = network.subnet;
  const address = takeAddress(call, network);
  const instance: InstanceRecord = {
    id: newId("i"),
    tags: launch.tagsFor("instance"),
    reservationId: one.reservationId,
    launchIndex: one.launchIndex,
    imageId: image.id,
    imageArchitecture: image.architecture,
    imageRootDeviceName: image.rootDeviceName,
    imageBootMode: image.bootMode,
    imageFacts: {
      enaSupport: image.enaSupport,
      imdsSupport: image.imdsSupport,
      sriovNetSupport: image.sriovNetSupport,
      tpmSupport: image.tpmSupport,
      watermarks: image.watermarks,
    },
    uefiData: bootsByUefi(image, type) ? (image.uefiData ?? EMPTY_VARIABLE_STORE) : undefined,
    billing: image.billing,
    keyName: input.KeyName,
    type,
    zone,
    launchedAt: call.now,
    clientToken: input.ClientToken ?? "",
    publicAddress: network.publicAddress ? address : undefined,
    metadataOptions: launch.metadataOptions,
    ebsOptimized: input.EbsOptimized ?? false,
    userData: launch.userData,
    shutdownBehavior: launch.shutdownBehavior,
    terminationProtected: input.DisableApiTermination ?? false,
    networkInterface: {
      id: newId("eni"),
      tags: launch.tagsFor("network-interface"),
      subnetId: network.subnet.id,
      privateAddress: address,
      macAddress: `02:${(randomBytes(5).toString("hex").match(/../g) ?? []).join(":")}`,
      description: network.description,
      deleteOnTermination: network.deleteOnTermination,
      attachmentId: newId("eni-attach"),
      groupIds: network.groupIds,
    },
    state: new State("pending", call.nowMs),
    stateReason: undefined,
    transitionReason: "",
    machine: undefined,
    bootCount: 0,
    postedConsole: undefined,
    work: Promise.resolve(),
  };
  for (const { deviceName, plan, deleteOnTermination } of launch.volumes) {
    const volume = makeVolume(call, plan, { zone, tags: launch.tagsFor("volume") });
    volume.attachment = {
      instanceId: instance.id,
      device: deviceName,
      attachedAt: call.now,
      state: new State("attached", call.nowMs),
      deleteOnTermination,
    };
  }
  call.store.instances.set(instance.id, instance);
  return instance;
}

function takeAddress(call: Call, network: LaunchNetwork): string {
  const { addresses } = call.cloud;
  if (network.privateAddress === undefined) {
    const { subnet } = network;
    return subnet.isDefault
      ? addresses.take(call.region, subnet.zone)
      : addresses.takeWithin(subnet.cidr);
  }
  if (!addresses.takeExactly(network.privateAddress)) {
    throw new ApiError("InvalidIPAddress.InUse", `Address ${network.privateAddress} is in use.`);
  }
  return network.privateAddress;
}
