/** Who may use the copy and its snapshots, against who may use the source's. Pure. */

import type { LaunchPermission } from "../ec2/image.ts";
import { mapPermissions, type Route } from "./carry-over.ts";
import type { CopyRequest, FidelityLine } from "./copy-request.ts";
import type { SourceImage } from "./describe-source.ts";
import { asked, kept, lost } from "./fidelity-line.ts";

export function permissionLines(
  request: CopyRequest,
  { ownerOnly, volumes }: SourceImage,
  route: Route,
): FidelityLine[] {
  const attribute = "launch permissions";
  if (ownerOnly === undefined) {
    return [lost(attribute, "unknown", "only the image's owner may read them", "private")];
  }
  const lines = permissionLine(attribute, ownerOnly.launchPermissions, request, route);
  const shared = volumes.flatMap(({ permissions }) => permissions ?? []);
  return [...lines, ...permissionLine("snapshot permissions", shared, request, route)];
}

function permissionLine(
  attribute: string,
  permissions: readonly LaunchPermission[],
  request: CopyRequest,
  route: Route,
): FidelityLine[] {
  const isLaunch = attribute === "launch permissions";
  if (permissions.length === 0) return isLaunch ? [kept(attribute, "private")] : [];
  const before = permissions.map(describePermission).join(", ");
  if (request.copyLaunchPermissions === undefined) {
    return [lost(attribute, before, "ask for them with copyLaunchPermissions", "private")];
  }
  const { mapped, dropped } = mapPermissions(request, permissions, route);
  const after = mapped.map(describePermission).join(", ") || "private";
  if (dropped.length > 0) {
    const names = dropped.map(describePermission).join(", ");
    const { partition } = route.destination;
    const reason = `${names} means nothing in ${partition}: name accounts in copyLaunchPermissions.accountIds`;
    return [lost(attribute, before, reason, after)];
  }
  if (before === after) return [kept(attribute, before)];
  return [asked(attribute, before, after, "copyLaunchPermissions")];
}

function describePermission(permission: LaunchPermission): string {
  const { userId, group, organizationArn, organizationalUnitArn } = permission;
  if (group === "all") return "everyone";
  return userId ?? group ?? organizationArn ?? organizationalUnitArn ?? "";
}
