/**
 * The row of one helper. It never claims a live instance: its create spans the helper's whole life,
 * from launch to termination, and tells it afterwards; while the helper runs, the row's status does.
 */

import * as pulumi from "@pulumi/pulumi";
import type { CopyRequestArgs } from "./copy-request-args.ts";
import { providerStub, ResourceType } from "./stub.ts";
import type { RunIdentity } from "./workflow/copy-request.ts";

export interface HelperInstanceArgs {
  readonly request: CopyRequestArgs;
  readonly run: pulumi.Input<RunIdentity>;
  /** Which helper of the run this row shows. */
  readonly side: "source" | "destination";
  /** URN of this row, for its status line. Never compared. */
  readonly progressUrn: pulumi.Input<string>;
}

/** A short-lived helper instance, told after its end. */
export class HelperInstance extends pulumi.CustomResource {
  constructor(name: string, args: HelperInstanceArgs, options: pulumi.CustomResourceOptions) {
    const outputs = {
      instanceId: undefined,
      instanceType: undefined,
      availabilityZone: undefined,
      launchedAt: undefined,
      terminatedAt: undefined,
      outcome: undefined,
    };
    const properties = { ...args, ...outputs, __provider: providerStub("helperInstance") };
    super(ResourceType.helperInstance, name, properties, options);
  }
}
