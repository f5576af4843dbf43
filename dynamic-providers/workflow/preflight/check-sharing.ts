/**
 * Can the copy be shared as is asked? An image whose snapshots are under the AWS-managed key cannot,
 * and no encrypted one can be public. Source: ModifyImageAttribute and the EC2 user guide.
 */

import type { Ec2 } from "../../ec2/ec2.ts";
import { mapPermissions, type Route } from "../carry-over.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import { isEncryptionWanted } from "../find-finished.ts";
import type { Problem } from "../preflight.ts";

const PROPERTY = "copyLaunchPermissions";

export async function checkSharing(
  request: CopyRequest,
  source: SourceImage | undefined,
  route: Route,
  cloud: Ec2,
): Promise<Problem[]> {
  if (source === undefined || request.copyLaunchPermissions === undefined) return [];
  const permissions = source.ownerOnly?.launchPermissions ?? [];
  const { mapped } = mapPermissions(request, permissions, route);
  if (mapped.length === 0) return [];
  const defaults = await cloud.encryptionDefaults();
  const isEncrypted =
    defaults.encryptsByDefault ||
    source.volumes.some(({ snapshot }) => isEncryptionWanted(request, snapshot));
  if (!isEncrypted) return [];
  if (mapped.some(({ group }) => group === "all")) {
    return [
      {
        property: PROPERTY,
        message: "The copy would be encrypted, and an encrypted image cannot be public.",
        hint: "Set encrypted to false, or leave out copyLaunchPermissions.",
      },
    ];
  }
  const key = request.kmsKeyId ?? defaults.keyId;
  if (!/(?:^|\/)aws\/ebs$/.test(key)) return [];
  return [
    {
      property: PROPERTY,
      message: `The copy would be under the AWS-managed key ${key}, and such an image cannot be shared.`,
      hint: "Give kmsKeyId with a customer key that the other accounts may use, or leave out copyLaunchPermissions.",
    },
  ];
}
