/** Is the name free that was asked for? Without one, there is always a free one, if not the source's. */

import { Tag } from "../../../agent/contract.ts";
import type { Ec2 } from "../../ec2/ec2.ts";
import type { Image } from "../../ec2/image.ts";
import type { NewRun } from "../copy-request.ts";
import { nameWithRun } from "../register-image.ts";
import { isFinishedBeside } from "../take-over.ts";
import type { Problem } from "./problem.ts";

export async function checkName(
  name: string | undefined,
  cloud: Ec2,
  run: NewRun | undefined,
): Promise<Problem[]> {
  if (name === undefined) return [];
  const holder = await holderOf(name, cloud, run);
  if (holder === undefined) return [];
  const runId = holder.tags[Tag.run];
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

/** What the copy will be called when nobody asks for a name. */
export async function inheritedName(
  name: string,
  cloud: Ec2,
  run: NewRun | undefined,
): Promise<string> {
  const holder = await holderOf(name, cloud, run);
  if (holder === undefined) return name;
  return run === undefined ? `${name}-…` : nameWithRun(name, run.runId);
}

/** The image that has the name, but the run's own, or the one that it will take over. */
async function holderOf(
  name: string,
  cloud: Ec2,
  run: NewRun | undefined,
): Promise<Image | undefined> {
  // Compared here as well: in a filter some characters of a name are wildcards.
  const images = await cloud.describeImages({ owner: "self", name });
  const holder = images.find((image) => image.name === name && image.state !== "deregistered");
  if (holder === undefined || run === undefined) return holder;
  const isOurs = holder.tags[Tag.run] === run.runId;
  return isOurs || isFinishedBeside(holder.tags, run) ? undefined : holder;
}
