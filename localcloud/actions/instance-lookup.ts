/** Finding an instance, and the few rules that several families of actions share about instances. */

import type { Call } from "../call.ts";
import { type Billing, withProductCodes } from "../catalog/billing.ts";
import { checkId, notFound } from "../ids.ts";
import { invalidValue } from "../protocol/api-error.ts";
import type { InstanceRecord } from "../records/instance.ts";
import type { VolumeRecord } from "../records/volume.ts";

/** @throws ApiError `InvalidInstanceID.Malformed`, `InvalidInstanceID.NotFound`. */
export function findInstance(call: Call, id: string | undefined): InstanceRecord {
  const [instance] = findInstances(call, [id ?? ""]);
  if (instance === undefined) throw notFound("i", id ?? "");
  return instance;
}

/** All of them, or the refusal that names those missing. */
export function findInstances(call: Call, ids: readonly string[]): InstanceRecord[] {
  for (const id of ids) checkId("i", id);
  const { instances } = call.store;
  const missing = ids.filter((id) => !instances.has(id));
  if (missing.length > 0) throw notFound("i", missing);
  return [...instances.values()].filter((one) => ids.includes(one.id));
}

/** Volumes attached to an instance, in the order of their device names. */
export function volumesOf(call: Pick<Call, "store">, instance: InstanceRecord): VolumeRecord[] {
  return [...call.store.volumes.values()]
    .filter((one) => one.attachment?.instanceId === instance.id)
    .sort((a, b) => ((a.attachment?.device ?? "") < (b.attachment?.device ?? "") ? -1 : 1));
}

/**
 * The system is the one it was launched as, whatever is attached by now; product codes come and go
 * with the volumes. [SDK AttachVolume, DetachVolume]
 */
export function billingOfInstance(call: Pick<Call, "store">, instance: InstanceRecord): Billing {
  const attached = volumesOf(call, instance).map((volume) => volume.billing);
  return withProductCodes({ ...instance.billing, productCodes: [] }, attached);
}

/** [UG device naming]: `/dev/sda1`, `/dev/sd[b-z][1-15]?`, `/dev/xvd[a-z]{1,2}`, with or without `/dev/`. */
export function checkDeviceName(name: string): void {
  if (!/^(\/dev\/)?(sd[a-z]([1-9]|1[0-5])?|xvd[a-z]{1,2}([1-9]|1[0-5])?)$/.test(name)) {
    throw invalidValue(
      `Value (${name}) for parameter device is invalid. ${name} is not a valid EBS device name.`,
    );
  }
}
