/** CreateVolume, DescribeVolumes, DeleteVolume, AttachVolume, DetachVolume. */

import { rm } from "node:fs/promises";
import type {
  AttachVolumeRequest,
  CreateVolumeRequest,
  DeleteVolumeRequest,
  DescribeVolumesRequest,
  DescribeVolumesResult,
  DetachVolumeRequest,
  Volume,
  VolumeAttachment,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { isWindows } from "../catalog/billing.ts";
import type { Zone } from "../catalog/regions.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { checkId, notFound } from "../ids.ts";
import { checkSubscribed } from "../marketplace.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue, missingParameter } from "../protocol/api-error.ts";
import type { Attachment, InstanceRecord, VolumeRecord } from "../records.ts";
import { findSnapshot } from "../sharing.ts";
import { State } from "../states.ts";
import type { Store } from "../store.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { checkVolumeQuota, makeVolume, planVolume } from "../volume-making.ts";
import { checkDeviceName, findInstance } from "./instance-lookup.ts";

export const VOLUME_ACTIONS: readonly Action[] = [
  ec2Action<CreateVolumeRequest, Volume>(
    "CreateVolume",
    [
      "AvailabilityZone",
      "AvailabilityZoneId",
      "Encrypted",
      "Iops",
      "KmsKeyId",
      "Size",
      "SnapshotId",
      "VolumeType",
      "TagSpecifications",
      "Throughput",
      "ClientToken",
      "VolumeInitializationRate",
    ],
    createVolume,
  ),
  ec2Action<DescribeVolumesRequest, DescribeVolumesResult>(
    "DescribeVolumes",
    ["VolumeIds", "Filters", "NextToken", "MaxResults"],
    describeVolumes,
  ),
  ec2Action<DeleteVolumeRequest, object>("DeleteVolume", ["VolumeId"], deleteVolume),
  ec2Action<AttachVolumeRequest, VolumeAttachment>(
    "AttachVolume",
    ["Device", "InstanceId", "VolumeId"],
    attachVolume,
  ),
  ec2Action<DetachVolumeRequest, VolumeAttachment>(
    "DetachVolume",
    ["Device", "Force", "InstanceId", "VolumeId"],
    detachVolume,
  ),
];

/** States take this long between attached and not. */
const ATTACHING_MS = 20;

function createVolume(input: CreateVolumeRequest, call: Call): Volume {
  const { store } = call;
  const [knownId] = store.tokens.recall("CreateVolume", input.ClientToken, input) ?? [];
  if (knownId !== undefined) {
    const known = store.volumes.get(knownId);
    if (known === undefined) throw notFound("vol", knownId);
    return describe(known, call);
  }
  const zone = chooseZone(input, call);
  const snapshot =
    input.SnapshotId === undefined ? undefined : findSnapshot(call, input.SnapshotId);
  const plan = planVolume(call, input, snapshot);
  checkVolumeQuota(call, [plan]);
  const tags = readTagSpecifications(input.TagSpecifications, ["volume"])("volume");
  call.commit();
  const volume = makeVolume(call, plan, { zone, tags });
  store.tokens.remember("CreateVolume", input.ClientToken, input, [volume.id]);
  return describe(volume, call);
}

function chooseZone(input: CreateVolumeRequest, call: Call): Zone {
  const { AvailabilityZone: name, AvailabilityZoneId: id } = input;
  if (name === undefined && id === undefined) throw missingParameter("AvailabilityZone");
  const zone = call.region.zones.find((one) =>
    name === undefined ? one.id === id : one.name === name,
  );
  if (zone === undefined) {
    throw new ApiError("InvalidZone.NotFound", `The zone '${name ?? id}' does not exist.`);
  }
  return zone;
}

const FILTERS: (call: Call) => FilterTable<VolumeRecord> = (call) => ({
  "attachment.attach-time": ({ attachment }) => attachment?.attachedAt,
  "attachment.delete-on-termination": ({ attachment }) => attachment?.deleteOnTermination,
  "attachment.device": ({ attachment }) => attachment?.device,
  "attachment.instance-id": ({ attachment }) => attachment?.instanceId,
  "attachment.status": ({ attachment }) => attachment?.state.at(call.nowMs),
  "availability-zone": ({ zone }) => zone.name,
  "availability-zone-id": ({ zone }) => zone.id,
  "create-time": ({ createdAt }) => createdAt,
  encrypted: ({ encrypted }) => encrypted,
  size: ({ sizeGib }) => sizeGib,
  "snapshot-id": ({ snapshotId }) => snapshotId,
  status: ({ state }) => state.at(call.nowMs),
  "volume-id": ({ id }) => id,
  "volume-type": ({ type }) => type,
});

function describeVolumes(input: DescribeVolumesRequest, call: Call): DescribeVolumesResult {
  const { VolumeIds: ids } = input;
  const named = ids === undefined ? [...call.store.volumes.values()] : findVolumes(call.store, ids);
  const matching = applyFilters(named, input.Filters, FILTERS(call));
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids });
  return {
    Volumes: page.items.map((volume) => describe(volume, call)),
    NextToken: page.NextToken,
  };
}

function findVolumes(store: Store, ids: readonly string[]): VolumeRecord[] {
  for (const id of ids) checkId("vol", id);
  const missing = ids.find((id) => !store.volumes.has(id));
  if (missing !== undefined) throw notFound("vol", missing);
  return [...store.volumes.values()].filter((one) => ids.includes(one.id));
}

/** @throws ApiError `InvalidVolumeID.Malformed`, `InvalidVolume.NotFound`. */
export function findVolume(store: Store, id: string | undefined): VolumeRecord {
  checkId("vol", id ?? "");
  const volume = store.volumes.get(id ?? "");
  if (volume === undefined) throw notFound("vol", id ?? "");
  return volume;
}

async function deleteVolume(input: DeleteVolumeRequest, call: Call): Promise<object> {
  const volume = findVolume(call.store, input.VolumeId);
  if (volume.attachment !== undefined) {
    throw new ApiError(
      "VolumeInUse",
      `Volume ${volume.id} is currently attached to ${volume.attachment.instanceId}`,
    );
  }
  if (volume.state.at(call.nowMs) === "creating") {
    throw new ApiError("IncorrectState", `The volume '${volume.id}' is 'creating'`);
  }
  call.commit();
  await removeVolume(call.store, volume);
  return {};
}

/** The volume and its bytes are gone. */
export async function removeVolume(store: Store, volume: VolumeRecord): Promise<void> {
  store.volumes.delete(volume.id);
  await volume.ready.catch(() => {});
  await rm(volume.path, { force: true });
}

async function attachVolume(input: AttachVolumeRequest, call: Call): Promise<VolumeAttachment> {
  const instance = findInstance(call, input.InstanceId);
  const volume = findVolume(call.store, input.VolumeId);
  const device = input.Device ?? "";
  checkDeviceName(device);
  checkAttachable(call, volume, instance, device);
  call.commit();
  const attachment: Attachment = {
    instanceId: instance.id,
    device,
    attachedAt: call.now,
    state: new State<"attaching" | "attached" | "detaching">("attaching", call.nowMs).later(
      "attached",
      call.nowMs + ATTACHING_MS,
    ),
    deleteOnTermination: false,
  };
  volume.attachment = attachment;
  volume.state.set("in-use", call.nowMs);
  await instance.machine?.attachDisk({ deviceName: device, path: volume.path });
  return describeAttachment(volume, attachment, call);
}

function checkAttachable(
  call: Call,
  volume: VolumeRecord,
  instance: InstanceRecord,
  device: string,
): void {
  if (volume.attachment !== undefined) {
    throw new ApiError("VolumeInUse", `${volume.id} is already attached to an instance`);
  }
  if (volume.state.at(call.nowMs) !== "available") {
    throw new ApiError("IncorrectState", `Volume '${volume.id}' is not 'available'.`);
  }
  if (volume.zone !== instance.zone) {
    throw new ApiError(
      "InvalidVolume.ZoneMismatch",
      `The volume '${volume.id}' is not in the same availability zone as instance '${instance.id}'`,
    );
  }
  if (!["running", "stopped", "pending"].includes(instance.state.at(call.nowMs))) {
    throw new ApiError("IncorrectState", `Instance '${instance.id}' is not 'running'.`);
  }
  checkLicence(call, volume, instance);
  const attached = [...call.store.volumes.values()].filter(
    (one) => one.attachment?.instanceId === instance.id,
  );
  if (attached.some((one) => one.attachment?.device === device)) {
    throw invalidValue(
      `Invalid value '${device}' for unixDevice. Attachment point ${device} is already in use`,
    );
  }
  if (attached.length >= instance.type.maximumEbsAttachments) {
    throw new ApiError(
      "AttachmentLimitExceeded",
      `Instance ${instance.id} cannot have more than ${instance.type.maximumEbsAttachments} volumes`,
    );
  }
}

/** What a volume of the Marketplace asks for. [SDK AttachVolume] */
function checkLicence(call: Call, volume: VolumeRecord, instance: InstanceRecord): void {
  const { billing } = volume;
  if (billing === undefined || billing.productCodes.length === 0) return;
  checkSubscribed(call, billing);
  if (instance.state.at(call.nowMs) !== "stopped") {
    throw new ApiError(
      "IncorrectState",
      `Volume '${volume.id}' has product codes: the instance '${instance.id}' must be stopped.`,
    );
  }
  if (isWindows(billing) !== isWindows(instance.billing)) {
    throw new ApiError(
      "OperationNotPermitted",
      `Volume '${volume.id}' is of ${billing.platformDetails}, the instance '${instance.id}' is not.`,
    );
  }
}

function detachVolume(input: DetachVolumeRequest, call: Call): VolumeAttachment {
  const volume = findVolume(call.store, input.VolumeId);
  const { attachment } = volume;
  if (attachment === undefined) {
    throw new ApiError("IncorrectState", `Volume '${volume.id}' is in the 'available' state.`);
  }
  const instance = findInstance(call, input.InstanceId ?? attachment.instanceId);
  if (
    instance.id !== attachment.instanceId ||
    (input.Device !== undefined && input.Device !== attachment.device)
  ) {
    throw new ApiError(
      "InvalidAttachment.NotFound",
      `The volume '${volume.id}' is not attached to instance '${instance.id}' as device '${input.Device ?? attachment.device}'.`,
    );
  }
  const running = instance.state.at(call.nowMs) === "running";
  if (running && attachment.device === instance.imageRootDeviceName) {
    throw new ApiError(
      "OperationNotPermitted",
      `Unable to detach root volume '${volume.id}' from instance '${instance.id}'`,
    );
  }
  call.commit();
  attachment.state.set("detaching", call.nowMs);
  const answer = describeAttachment(volume, attachment, call);
  call.cloud.inBackground(
    call.cloud.wait(ATTACHING_MS).then(async () => {
      await instance.machine?.detachDisk(attachment.device);
      volume.attachment = undefined;
      volume.state.set("available", call.cloud.now());
    }),
  );
  return answer;
}

function describe(volume: VolumeRecord, call: Call): Volume {
  const { attachment } = volume;
  const shown = attachment === undefined ? [] : [describeAttachment(volume, attachment, call)];
  return {
    VolumeId: volume.id,
    Size: volume.sizeGib,
    SnapshotId: volume.snapshotId ?? "",
    AvailabilityZone: volume.zone.name,
    AvailabilityZoneId: volume.zone.id,
    State: volume.state.at(call.nowMs) as NonNullable<Volume["State"]>,
    CreateTime: volume.createdAt,
    VolumeType: volume.type as NonNullable<Volume["VolumeType"]>,
    Encrypted: volume.encrypted,
    MultiAttachEnabled: false,
    Attachments: shown,
    ...(volume.iops === undefined ? {} : { Iops: volume.iops }),
    ...(volume.throughput === undefined ? {} : { Throughput: volume.throughput }),
    ...(volume.initializationRate !== undefined && {
      VolumeInitializationRate: volume.initializationRate,
    }),
    ...(volume.kmsKeyArn === undefined ? {} : { KmsKeyId: volume.kmsKeyArn }),
    ...tagList(volume.tags),
  };
}

function describeAttachment(
  volume: VolumeRecord,
  attachment: Attachment,
  call: Call,
): VolumeAttachment {
  return {
    VolumeId: volume.id,
    InstanceId: attachment.instanceId,
    Device: attachment.device,
    State: attachment.state.at(call.nowMs),
    AttachTime: attachment.attachedAt,
    DeleteOnTermination: attachment.deleteOnTermination,
  };
}
