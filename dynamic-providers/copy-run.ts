/**
 * The row that stands for one run. It is in the state before anything costs money, so that
 * `pulumi destroy` can always find and sweep what the run left, even after a `kill -9`.
 */

import * as pulumi from "@pulumi/pulumi";
import type { CopyRequestArgs } from "./copy-request-args.ts";
import { providerStub, ResourceType } from "./stub.ts";
import type { RunIdentity } from "./workflow/copy-request.ts";

export interface CopyRunArgs {
  /** What is to be copied, and how to reach both sides. */
  readonly request: CopyRequestArgs;
  /** Who has the stack: of one backend's, two may have one of the same name. Never compared. */
  readonly organization: string;
  /** URN of this row, by which another run for it is known. Never compared. */
  readonly rowUrn: pulumi.Input<string>;
}

/** The run's id, and where both sides really are; everything of the run is found by it. */
export class CopyRun extends pulumi.CustomResource {
  /** Run id, accounts and partitions, fixed when the run is made. */
  declare readonly run: pulumi.Output<RunIdentity>;

  constructor(name: string, args: CopyRunArgs, options: pulumi.CustomResourceOptions) {
    const outputs = { run: undefined, createdAt: undefined, lost: undefined };
    const properties = { ...args, ...outputs, __provider: providerStub("copyRun") };
    super(ResourceType.copyRun, name, properties, options);
  }
}
