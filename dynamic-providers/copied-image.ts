/** The row that owns what a copy is for: the image at the destination and its snapshots. */

import * as pulumi from "@pulumi/pulumi";
import type { CopyRequestArgs } from "./copy-request-args.ts";
import { providerStub, ResourceType } from "./stub.ts";
import type { CopiedImageFacts, RunIdentity } from "./workflow/copy-request.ts";

export interface CopiedImageArgs {
  readonly request: CopyRequestArgs;
  readonly run: pulumi.Input<RunIdentity>;
  /** URN of this row, for its status line. Never compared. */
  readonly progressUrn: pulumi.Input<string>;
}

/** The image and its snapshots. Its id is the run's, since the image's may change by a repair. */
export class CopiedImage extends pulumi.CustomResource {
  /** The image as it is at the destination. */
  declare readonly image: pulumi.Output<CopiedImageFacts>;

  constructor(name: string, args: CopiedImageArgs, options: pulumi.CustomResourceOptions) {
    const outputs = {
      image: undefined,
      outcome: undefined,
      wanted: undefined,
      observed: undefined,
      attempt: undefined,
    };
    const properties = { ...args, ...outputs, __provider: providerStub("copiedImage") };
    super(ResourceType.copiedImage, name, properties, options);
  }
}
