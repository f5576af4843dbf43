/**
 * Needs: nothing.  Makes: an image that is deregistered.  Undoes: nothing.  Who destroys a copy means
 * it, so a protection that it has from its source is taken off first. One with a cooldown holds for a
 * day from then on: that is told with its end, which a tag of ours remembers, because EC2 does not say.
 */

import { Tag } from "../../agent/contract.ts";
import { type CloudError, isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import { CopyError } from "./copy-error.ts";
import type { Waiting } from "./wait-until.ts";

const STEP = "deregister";

/** EC2. */
const COOLDOWN_MS = 24 * 3_600_000;

/** What is gone already is fine. @throws CopyError `cloud` while a cooldown holds it. */
export async function deregister(
  { clock }: Pick<Waiting, "clock">,
  cloud: Ec2,
  imageId: string,
): Promise<void> {
  const [image] = await cloud.describeImages({ imageIds: [imageId] });
  if (image === undefined) return;
  let since = image.tags[Tag.unprotected];
  if (image.deregistrationProtection !== undefined) {
    await cloud.setDeregistrationProtection(imageId, undefined);
    if (image.deregistrationProtection === "enabled-with-cooldown") {
      since = new Date(clock.now()).toISOString();
      await cloud.setTags([imageId], { [Tag.unprotected]: since });
    }
  }
  try {
    await cloud.deregisterImage(imageId);
  } catch (error) {
    // Nobody says with which code EC2 refuses this.
    if (since === undefined || !isCloudError(error, "other", "invalid", "in-use")) throw error;
    const untilMs = Date.parse(since) + COOLDOWN_MS;
    throw clock.now() < untilMs ? heldByCooldown(imageId, cloud, untilMs, error) : error;
  }
}

function heldByCooldown(
  imageId: string,
  { region }: Ec2,
  untilMs: number,
  cause: CloudError,
): CopyError {
  const until = new Date(untilMs).toISOString().slice(0, 16);
  return new CopyError(
    `image ${imageId} in ${region} cannot be deregistered before ${until} UTC: its deregistration ` +
      "protection had a cooldown of 24 hours, which began when it was taken off",
    { code: "cloud", step: STEP, ids: [imageId], cause, hint: "Run again after that." },
  );
}
