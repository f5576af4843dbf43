/** Are the key pairs there with which somebody wants to log in to a failed helper? */

import type { Ec2 } from "../../ec2/ec2.ts";
import type { CopyRequest } from "../copy-request.ts";
import type { Problem } from "./problem.ts";

export async function checkDebug(
  side: "source" | "destination",
  request: CopyRequest,
  cloud: Ec2,
): Promise<Problem[]> {
  const keyName = request.helper[side].debug?.keyName;
  if (keyName === undefined || (await cloud.hasKeyPair(keyName))) return [];
  return [
    {
      property: `helper.${side}.debug.keyName`,
      message: `There is no key pair ${keyName} in ${cloud.region}.`,
      hint: "Give the name of a key pair of that account and region, or import one.",
    },
  ];
}
