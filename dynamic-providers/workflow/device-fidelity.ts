/** What a copy keeps of its source's devices: their figures, and whether and by what they are encrypted. Pure. */

import { isDeepStrictEqual } from "node:util";
import type { BlockDevice } from "../ec2/block-device.ts";
import { wantedDevices } from "./carry-over.ts";
import type { CopyRequest, FidelityLine } from "./copy-request.ts";
import { isVolumeOf, type SourceImage } from "./describe-source.ts";
import { asked, kept } from "./fidelity-line.ts";
import { isEncryptionWanted } from "./find-finished.ts";

export function deviceLines(request: CopyRequest, source: SourceImage): FidelityLine[] {
  const wanted = wantedDevices(request, source.image);
  return source.image.blockDevices.flatMap((device, index) => {
    const after = wanted[index] ?? device;
    const { deviceName } = device;
    const line = isDeepStrictEqual(device, after)
      ? kept(deviceName, describeDevice(device))
      : asked(deviceName, describeDevice(device), describeDevice(after), "blockDevices");
    return [line, ...encryptionLine(request, source, device)];
  });
}

function describeDevice(device: BlockDevice): string {
  if (device.kind === "ephemeral") return device.virtualName;
  const parts = [
    device.kind === "blank" ? `blank${device.encrypted ? " encrypted" : ""}` : undefined,
    device.volumeSizeGib === undefined ? undefined : `${device.volumeSizeGib} GiB`,
    device.volumeType,
    device.iops === undefined ? undefined : `${device.iops} IOPS`,
    device.throughputMibps === undefined ? undefined : `${device.throughputMibps} MiB/s`,
    device.deleteOnTermination ? undefined : "kept on termination",
  ];
  return parts.filter((part) => part !== undefined).join(" ");
}

/** Keys are of an account and a region, so an encrypted volume's is never the source's. */
function encryptionLine(
  request: CopyRequest,
  { volumes }: SourceImage,
  device: BlockDevice,
): FidelityLine[] {
  if (device.kind !== "snapshot") return [];
  const volume = volumes.find((one) => isVolumeOf(one, device));
  if (volume === undefined) return [];
  const { snapshot } = volume;
  const isWanted = isEncryptionWanted(request, snapshot);
  const attribute = `${device.deviceName} encryption`;
  const before = snapshot.encrypted ? (snapshot.kmsKeyId ?? "encrypted") : "none";
  if (!isWanted) {
    if (!snapshot.encrypted) return [];
    return [asked(attribute, before, "none", "encrypted")];
  }
  const key = request.kmsKeyId ?? "the account's default key";
  if (request.kmsKeyId !== undefined) return [asked(attribute, before, key, "kmsKeyId")];
  if (!snapshot.encrypted) return [asked(attribute, before, key, "encrypted")];
  const reason = "keys are of a region and an account; another one: kmsKeyId";
  return [{ attribute, outcome: "asked", source: before, copy: key, reason }];
}
