import type { Ec2 } from "../ec2/ec2.ts";
import type { CopiedImageFacts } from "./copy-request.ts";

/** Deregisters the image and deletes its snapshots. What is gone already is fine. */
export function removeImage(_facts: CopiedImageFacts, _cloud: Ec2): Promise<void> {
  throw new Error("written next");
}
