/** AttachVolume, DetachVolume. */

import type {
  AttachVolumeRequest,
  DetachVolumeRequest,
  VolumeAttachment,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { isWindows } from "../catalog/billing.ts";
import { checkSubscribed } from "../marketplace.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";
import type { InstanceRecord } from "../records/instance.ts";
import type { Attachment, VolumeRecord } from "../records/volume.ts";
import { State } from "../states.ts";
import { findOne } from "./find-named.ts";
import { checkDeviceName, findInstance, volumesOf } from "./instance-lookup.ts";

export const VOLUME_ATTACHMENT_ACTIONS: readonly Action[] = [
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

async function attachVolume(input: AttachVolumeRequest, call: Call): Promise<VolumeAttachment> {
  const instance = findInstance(call, input.InstanceId);
  const volume = findOne("vol", call.store.volumes, input.VolumeId);
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
  // A machine that is just booting has been given its disks already.
  if (!["running", "stopped"].includes(instance.state.at(call.nowMs))) {
    throw new ApiError("IncorrectState", `Instance '${instance.id}' is not 'running'.`);
  }
  checkLicence(call, volume, instance);
  const attached = volumesOf(call, instance);
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
  const volume = findOne("vol", call.store.volumes, input.VolumeId);
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

export function describeAttachment(
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
