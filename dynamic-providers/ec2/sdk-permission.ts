/** Who may use an image or a snapshot, in our words and in the SDK's. */

import type { LaunchPermission as SdkLaunchPermission } from "@aws-sdk/client-ec2";
import type { LaunchPermission } from "./image.ts";

export function fromSdkPermission(permission: SdkLaunchPermission): LaunchPermission {
  const { UserId, Group, OrganizationArn, OrganizationalUnitArn } = permission;
  return {
    ...(UserId && { userId: UserId }),
    ...(Group && { group: Group }),
    ...(OrganizationArn && { organizationArn: OrganizationArn }),
    ...(OrganizationalUnitArn && { organizationalUnitArn: OrganizationalUnitArn }),
  };
}

export function toSdkPermission(permission: LaunchPermission): SdkLaunchPermission {
  return {
    UserId: permission.userId,
    Group: permission.group as SdkLaunchPermission["Group"],
    OrganizationArn: permission.organizationArn,
    OrganizationalUnitArn: permission.organizationalUnitArn,
  };
}
