/** May the copy be public, as its source is? */

import type { Ec2 } from "../../ec2/ec2.ts";
import { mapPermissions, type Route } from "../carry-over.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import type { Problem } from "./problem.ts";

export async function checkPublic(
  request: CopyRequest,
  source: SourceImage,
  route: Route,
  cloud: Ec2,
): Promise<Problem[]> {
  const permissions = source.ownerOnly?.launchPermissions ?? [];
  const { mapped } = mapPermissions(request, permissions, route);
  if (!mapped.some(({ group }) => group === "all")) return [];
  if (!(await cloud.blocksPublicImages())) return [];
  return [
    {
      property: "copyLaunchPermissions",
      message: `The source is public, and the account blocks public access to images in ${cloud.region}.`,
      hint: "Leave out copyLaunchPermissions, or disable block public access for AMIs there.",
    },
  ];
}
