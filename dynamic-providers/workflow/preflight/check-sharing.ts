/**
 * Can the copy be shared as is asked? An image whose snapshots are under the AWS-managed key cannot,
 * nor can they, and nothing encrypted can be public. Source: ModifyImageAttribute,
 * ModifySnapshotAttribute and the EC2 user guide.
 */

import type { Ec2 } from "../../ec2/ec2.ts";
import { mapPermissions, type Route } from "../carry-over.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import { isEncryptionWanted } from "../find-finished.ts";
import type { Problem } from "./problem.ts";

const PROPERTY = "copyLaunchPermissions";

export async function checkSharing(
  request: CopyRequest,
  source: SourceImage | undefined,
  route: Route,
  cloud: Ec2,
): Promise<Problem[]> {
  if (source === undefined || request.copyLaunchPermissions === undefined) return [];
  const permissions = [
    ...(source.ownerOnly?.launchPermissions ?? []),
    ...source.volumes.flatMap((volume) => volume.permissions ?? []),
  ];
  const { mapped } = mapPermissions(request, permissions, route);
  if (mapped.length === 0) return [];
  const defaults = await cloud.encryptionDefaults();
  const isEncrypted =
    defaults.encryptsByDefault ||
    source.volumes.some(({ snapshot }) => isEncryptionWanted(request, snapshot));
  // Of a blank volume the image says only that it is to be encrypted, by whoever launches it.
  const isAnyEncrypted =
    isEncrypted ||
    source.image.blockDevices.some((device) => device.kind === "blank" && device.encrypted);
  if (!isAnyEncrypted) return [];
  if (mapped.some(({ group }) => group === "all")) {
    return [
      {
        property: PROPERTY,
        message: "The copy would be encrypted, and an encrypted image cannot be public.",
        hint: defaults.encryptsByDefault
          ? "Leave out copyLaunchPermissions, or disable encryption by default for EBS there."
          : "Set encrypted to false, or leave out copyLaunchPermissions.",
      },
    ];
  }
  const key = request.kmsKeyId ?? defaults.keyId;
  if (!isEncrypted || !/(?:^|\/)aws\/ebs$/.test(key)) return [];
  return [
    {
      property: PROPERTY,
      message: `The copy would be under the AWS-managed key ${key}, and such an image cannot be shared.`,
      hint: "Give kmsKeyId with a customer key that the other accounts may use, or leave out copyLaunchPermissions.",
    },
  ];
}
