/** Is the name free that was asked for? Without one, there is always a free one. */

import { Tag } from "../../../agent/contract.ts";
import type { Ec2 } from "../../ec2/ec2.ts";
import type { RunIdentity } from "../copy-request.ts";
import type { Problem } from "../preflight.ts";

export async function checkName(
  name: string | undefined,
  cloud: Ec2,
  previous: RunIdentity | undefined,
): Promise<Problem[]> {
  if (name === undefined) return [];
  // Compared here as well: in a filter some characters of a name are wildcards.
  const images = await cloud.describeImages({ owner: "self", name });
  const holder = images.find((image) => image.name === name && image.state !== "deregistered");
  if (holder === undefined) return [];
  const runId = holder.tags[Tag.run];
  if (runId !== undefined && runId === previous?.runId) return [];
  const isCopy = runId !== undefined;
  return [
    {
      property: "name",
      message:
        `The name "${name}" is taken in ${cloud.region} by ${holder.imageId}` +
        (isCopy ? `, a copy of run ${runId}.` : "."),
      hint: isCopy
        ? "A new copy is made before the old one goes: give another name, or none, or remove " +
          "the old copy from the stack first."
        : "Give another name, or none, or deregister that image.",
    },
  ];
}
