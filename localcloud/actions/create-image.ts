/**
 * CreateImage: an image of an instance, whatever is on its volumes by now.
 *
 *   1. everything checked: state, name, mappings, snapshots that could be made
 *   2. pending snapshots of all volumes, a pending image of them
 *   3. the bytes: at once, or between the two halves of a restart
 *   4. available when the last snapshot is completed, failed when one failed
 */

import type {
  BlockDeviceMapping,
  CreateImageRequest,
  CreateImageResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { makeImage } from "../image-making.ts";
import { betweenBoots } from "../instance-life.ts";
import { ApiError, invalidCombination, invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import type { InstanceRecord } from "../records/instance.ts";
import type { SnapshotRecord } from "../records/snapshot.ts";
import type { VolumeRecord } from "../records/volume.ts";
import { checkSnapshotable, freeze, makeSnapshot } from "../snapshot-making.ts";
import { State } from "../states.ts";
import { readTagSpecifications } from "../tags.ts";
import { planEbs } from "./image-mappings.ts";
import { checkDescription, checkImageName } from "./image-name.ts";
import { billingOfInstance, findInstance, volumesOf } from "./instance-lookup.ts";
import { invalidMapping } from "./launch-volumes.ts";

export const CREATE_IMAGE: Action = ec2Action<CreateImageRequest, CreateImageResult>(
  "CreateImage",
  [
    "BlockDeviceMappings",
    "BootModeOverride",
    "Description",
    "InstanceId",
    "Name",
    "NoReboot",
    "TagSpecifications",
  ],
  createImage,
);

/** A volume that becomes a snapshot of the image. */
interface Part {
  readonly volume: VolumeRecord;
  readonly deleteOnTermination: boolean;
}

interface MadePart extends Part {
  readonly snapshot: SnapshotRecord;
}

function createImage(input: CreateImageRequest, call: Call): CreateImageResult {
  const { cloud, store } = call;
  const instance = findInstance(call, input.InstanceId);
  const state = instance.state.at(call.nowMs);
  if (state !== "running" && state !== "stopped") {
    throw invalidValue(
      `Instance is not in state 'running' or 'stopped': ${instance.id} is ${state}`,
    );
  }
  const name = input.Name ?? "";
  checkImageName(call, name);
  checkDescription(input.Description);
  const { parts, others } = planMappings(call, instance, input.BlockDeviceMappings ?? []);
  const volumes = parts.map((part) => part.volume);
  checkSnapshotable(call, volumes);
  const bootMode = chooseBootMode(input, instance);
  const tagsFor = readTagSpecifications(input.TagSpecifications, ["image", "snapshot"]);
  call.commit();
  const image = makeImage({
    ...instance.imageFacts,
    tags: tagsFor("image"),
    ownerId: call.account.id,
    name,
    description: input.Description,
    architecture: instance.imageArchitecture,
    rootDeviceName: instance.imageRootDeviceName,
    bootMode,
    uefiData: instance.uefiData,
    billing: billingOfInstance(call, instance),
    sourceInstanceId: instance.id,
    sourceImageId: instance.imageId,
    sourceImageRegion: call.region.name,
    mappings: [],
    createdAt: call.now,
    state: new State("pending", call.nowMs),
  });
  const description = `Created by CreateImage(${instance.id}) for ${image.id}`;
  const made = parts.map((part) => {
    const snapshot = makeSnapshot(call, part.volume, { description, tags: tagsFor("snapshot") });
    return { ...part, snapshot };
  });
  const whole: ImageRecord = { ...image, mappings: [...made.map(mappingOf), ...others] };
  store.images.set(whole.id, whole);
  const copy = async (): Promise<void> => {
    await Promise.all(made.map(({ volume, snapshot }) => freeze(call, volume, snapshot)));
  };
  const restarts = state === "running" && input.NoReboot !== true;
  const copied = restarts ? betweenBoots({ cloud, store }, instance, copy) : copy();
  cloud.inBackground(complete(call, whole, { made, copied }));
  return { ImageId: image.id };
}

/**
 * Of what is there only DeleteOnTermination can change [SDK CreateImageRequest.BlockDeviceMappings];
 * volumes can be added ["Add volume" of the console's form, UG creating-an-ami-ebs].
 */
function planMappings(
  call: Call,
  instance: InstanceRecord,
  requested: readonly BlockDeviceMapping[],
): { parts: Part[]; others: BlockDeviceMapping[] } {
  const wishes = new Map(requested.map((one) => [one.DeviceName ?? "", one]));
  const parts: Part[] = [];
  for (const volume of volumesOf(call, instance)) {
    const { device = "", deleteOnTermination = false } = volume.attachment ?? {};
    const wish = wishes.get(device);
    wishes.delete(device);
    if (wish?.NoDevice !== undefined) continue;
    checkUnchanged(volume, wish);
    parts.push({
      volume,
      deleteOnTermination: wish?.Ebs?.DeleteOnTermination ?? deleteOnTermination,
    });
  }
  if (!parts.some(({ volume }) => volume.attachment?.device === instance.imageRootDeviceName)) {
    throw invalidMapping(
      `The instance ${instance.id} has no volume at its root device ${instance.imageRootDeviceName}`,
    );
  }
  const others = [...wishes.values()].flatMap((wish): BlockDeviceMapping[] => {
    if (wish.NoDevice !== undefined) return [];
    if (wish.VirtualName !== undefined) {
      return [{ DeviceName: wish.DeviceName, VirtualName: wish.VirtualName }];
    }
    if (wish.Ebs?.SnapshotId === undefined && wish.Ebs?.VolumeSize === undefined) {
      throw invalidMapping(`No volume of ${instance.id} is attached at ${wish.DeviceName}`);
    }
    return [planEbs(call, wish, false)];
  });
  return { parts, others };
}

function checkUnchanged(volume: VolumeRecord, wish: BlockDeviceMapping | undefined): void {
  const { DeleteOnTermination: _free, ...fixed } = wish?.Ebs ?? {};
  const same: Readonly<Record<string, unknown>> = {
    Encrypted: volume.encrypted,
    Iops: volume.iops,
    SnapshotId: volume.snapshotId,
    Throughput: volume.throughput,
    VolumeSize: volume.sizeGib,
    VolumeType: volume.type,
  };
  for (const [name, value] of Object.entries(fixed)) {
    if (value !== undefined && same[name] !== value) {
      throw invalidMapping(`The ${name} of ${volume.id} cannot be changed by CreateImage`);
    }
  }
}

/** [SDK CreateImageRequest.BootModeOverride] */
function chooseBootMode(input: CreateImageRequest, instance: InstanceRecord): string | undefined {
  const { BootModeOverride: override } = input;
  if (override === undefined) return instance.imageBootMode;
  if (override !== "uefi") {
    throw invalidValue(`Value (${override}) for parameter bootModeOverride is invalid.`);
  }
  if (instance.uefiData === undefined) {
    throw invalidCombination(`The instance ${instance.id} has not booted by UEFI.`);
  }
  return override;
}

function mappingOf({ volume, snapshot, deleteOnTermination }: MadePart): BlockDeviceMapping {
  return {
    DeviceName: volume.attachment?.device,
    Ebs: {
      SnapshotId: snapshot.id,
      VolumeSize: volume.sizeGib,
      VolumeType: volume.type as "gp3",
      ...(volume.type === "gp2" || volume.iops === undefined ? {} : { Iops: volume.iops }),
      ...(volume.throughput === undefined ? {} : { Throughput: volume.throughput }),
      DeleteOnTermination: deleteOnTermination,
      Encrypted: volume.encrypted,
    },
  };
}

async function complete(
  call: Call,
  image: ImageRecord,
  work: { readonly made: readonly MadePart[]; readonly copied: Promise<void> },
): Promise<void> {
  const { cloud } = call;
  try {
    await work.copied;
    await cloud.wait(cloud.delays.snapshotPending);
    await cloud.wait(cloud.delays.imagePending);
    const failed = work.made.find(({ snapshot }) => snapshot.state.at(cloud.now()) === "error");
    if (failed !== undefined) {
      const message = `Client.InvalidSnapshot: ${failed.snapshot.id}: ${failed.snapshot.stateMessage}`;
      throw new ApiError("Client.InvalidSnapshot", message);
    }
    // A fault may have decided otherwise.
    if (image.stateReason === undefined) image.state.set("available", cloud.now());
  } catch (error) {
    if (cloud.closing.aborted) return;
    const code = error instanceof ApiError ? error.code : "Server.InternalError";
    const message = error instanceof Error ? error.message : String(error);
    image.stateReason = { code, message };
    image.state.set("failed", cloud.now());
  }
}
