/**
 * The row that comes after the image's. Pulumi makes it only when it has saved that one, and so its
 * create can tell the image what no other can: that a stack's state has it (`own-image.ts`).
 */

import * as pulumi from "@pulumi/pulumi";
import type { CopyRequestArgs } from "./copy-request-args.ts";
import { providerStub, ResourceType } from "./stub.ts";
import type { CopiedSnapshot, RunIdentity } from "./workflow/copy-request.ts";

export interface ImageOwnershipArgs {
  readonly request: CopyRequestArgs;
  readonly run: pulumi.Input<RunIdentity>;
  /** Outputs of the image's row: what makes this row wait for it. Never compared. */
  readonly imageId: pulumi.Input<string>;
  readonly snapshots: pulumi.Input<readonly CopiedSnapshot[]>;
}

/** Marks an image as owned by a stack. Its end takes nothing away. */
export class ImageOwnership extends pulumi.CustomResource {
  constructor(name: string, args: ImageOwnershipArgs, options: pulumi.CustomResourceOptions) {
    const properties = { ...args, __provider: providerStub("imageOwnership") };
    super(ResourceType.imageOwnership, name, properties, options);
  }
}
