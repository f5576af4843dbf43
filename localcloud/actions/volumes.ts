/** CreateVolume, DescribeVolumes, DeleteVolume. */

import { rm } from "node:fs/promises";
import type {
  CreateVolumeRequest,
  DeleteVolumeRequest,
  DescribeVolumesRequest,
  DescribeVolumesResult,
  Volume,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import type { Zone } from "../catalog/regions.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { checkId, notFound } from "../ids.ts";
import { paginate } from "../paging.ts";
import { ApiError, missingParameter } from "../protocol/api-error.ts";
import type { VolumeRecord } from "../records/volume.ts";
import { findSnapshot } from "../sharing.ts";
import type { Store } from "../store.ts";
import { readTagSpecifications, tagList } from "../tags.ts";
import { checkVolumeQuota, makeVolume, planVolume } from "../volume-making.ts";
import { findOne } from "./find-named.ts";
import { describeAttachment } from "./volume-attachments.ts";

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
];

function createVolume(input: CreateVolumeRequest, call: Call): Volume {
  const { store } = call;
  const [knownId] = store.tokens.recall("CreateVolume", input.ClientToken, input) ?? [];
  if (knownId !== undefined) return describe(findOne("vol", store.volumes, knownId), call);
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

async function deleteVolume(input: DeleteVolumeRequest, call: Call): Promise<object> {
  const volume = findOne("vol", call.store.volumes, input.VolumeId);
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
