/**
 * What a program declares: one image, copied to where `CopyImage` cannot copy it. The component
 * arranges its children and names its outputs; all work is behind `dynamic-providers/`.
 */

import * as pulumi from "@pulumi/pulumi";
import { CopiedImage } from "../dynamic-providers/copied-image.ts";
import type { CopyRequestArgs } from "../dynamic-providers/copy-request-args.ts";
import { CopyRun } from "../dynamic-providers/copy-run.ts";
import { HelperInstance } from "../dynamic-providers/helper-instance.ts";
import { ImageOwnership } from "../dynamic-providers/image-ownership.ts";
import { ResourceType } from "../dynamic-providers/stub.ts";
import type {
  CopiedImageFacts,
  CopiedSnapshot,
  FidelityLine,
} from "../dynamic-providers/workflow/copy-request.ts";

export type {
  AssumeRoleArgs,
  DebugArgs,
  DeviceChangeArgs,
  HelperArgs,
  HelperSideArgs,
  NodeArchiveArgs,
  NodeArchivesArgs,
  PermissionMapArgs,
  SideArgs,
} from "../dynamic-providers/copy-request-args.ts";
export { type CopyPlan, type CopyPlanArgs, planCopy } from "./plan-copy.ts";
export type { CopiedSnapshot, FidelityLine };

/** What to copy, from where, to where, and how. */
export interface CopiedAmiArgs extends CopyRequestArgs {}

/**
 * An AMI copied to another region, account or partition, with live progress under `pulumi up`.
 *
 * A new source image replaces the copy: the new one is there before the old one goes. `protect` and
 * `retainOnDelete` hold for the image and its snapshots; what is only technical always goes.
 *
 * ```ts
 * const image = new CopiedAmi("golden-gov", {
 *   sourceAmiId: "ami-0123456789abcdef0",
 *   source: { region: "us-east-1", profile: "commercial" },
 *   destination: { region: "us-gov-west-1", profile: "gov" },
 * });
 * ```
 */
export class CopiedAmi extends pulumi.ComponentResource {
  /** Id of the copy, `ami-…`. */
  readonly imageId: pulumi.Output<string>;
  /** ARN of the copy, in the destination's partition. */
  readonly imageArn: pulumi.Output<string>;
  /** Name of the copy; unique in its account and region. */
  readonly name: pulumi.Output<string>;
  /** `arm64`, `x86_64`, … as the source. */
  readonly architecture: pulumi.Output<string>;
  /** E.g. `/dev/xvda`, as the source. */
  readonly rootDeviceName: pulumi.Output<string>;
  /** Snapshot of the copy's root volume. */
  readonly rootSnapshotId: pulumi.Output<string>;
  /** Account that owns the copy. */
  readonly ownerId: pulumi.Output<string>;
  /** Region of the copy. */
  readonly region: pulumi.Output<string>;
  /** Partition of the copy: `aws`, `aws-us-gov`, `aws-cn`, … */
  readonly partition: pulumi.Output<string>;
  /** The image that was copied. */
  readonly sourceImageId: pulumi.Output<string>;
  /** The copy's snapshots in the order of its block device mappings, each with the digest of its content (`docs/digest.md`). */
  readonly snapshots: pulumi.Output<readonly CopiedSnapshot[]>;
  /** What became of each attribute of the source, as it was when it was copied: kept, other than the source because it was asked for, or lost, and why. */
  readonly fidelity: pulumi.Output<readonly FidelityLine[]>;
  /** Bytes read from the source volumes, holes included: what a digest covers. */
  readonly bytesRead: pulumi.Output<number>;
  /** Bytes that went over the network, repeated ones included. */
  readonly bytesSent: pulumi.Output<number>;
  /** Of those the ones that were sent again, because the network had lost them or was cut. */
  readonly bytesResent: pulumi.Output<number>;
  /** Time of the whole copy. */
  readonly durationSeconds: pulumi.Output<number>;
  /** 16 hex digits: the value of the tag `amicopy:run` on everything the copy made. */
  readonly runId: pulumi.Output<string>;

  constructor(name: string, args: CopiedAmiArgs, options?: pulumi.ComponentResourceOptions) {
    super("amicopy:index:CopiedAmi", name, {}, options);
    const request = { ...args };
    const technical = { parent: this, protect: false, retainOnDelete: false };

    // Protected as the image is: its replacement replaces the image, and is refused before it begins.
    const rowUrn = this.#urn(name, ResourceType.copyRun);
    const organization = organizationOfStack();
    const runArgs = { request, organization, rowUrn };
    const copyRun = new CopyRun(name, runArgs, { parent: this, retainOnDelete: false });
    const { run } = copyRun;
    // A preview does not know whether the run's id will change; with this the engine does.
    const replaceWith = [copyRun];
    for (const side of ["source", "destination"] as const) {
      const helperName = `${name}-${side}`;
      const progressUrn = this.#urn(helperName, ResourceType.helperInstance);
      const row = { ...technical, replaceWith, deletedWith: copyRun };
      new HelperInstance(helperName, { request, run, side, progressUrn }, row);
    }
    const progressUrn = this.#urn(name, ResourceType.copiedImage);
    const row = { parent: this, replaceWith };
    const { image } = new CopiedImage(name, { request, run, progressUrn }, row);
    const { imageId, snapshots } = image;
    const owned = { ...technical, replaceWith, deletedWith: copyRun };
    new ImageOwnership(name, { request, run, imageId, snapshots }, owned);

    this.imageId = image.imageId;
    this.imageArn = image.imageArn;
    this.name = image.name;
    this.architecture = image.architecture;
    this.rootDeviceName = image.rootDeviceName;
    this.rootSnapshotId = image.rootSnapshotId;
    this.ownerId = image.ownerId;
    this.region = image.region;
    this.partition = image.partition;
    this.sourceImageId = image.sourceImageId;
    this.snapshots = image.snapshots;
    this.fidelity = image.fidelity;
    this.bytesRead = image.bytesRead;
    this.bytesSent = image.bytesSent;
    // Absent in the state of a copy that an earlier version has made; no image after one that failed.
    this.bytesResent = image.apply((made?: CopiedImageFacts) => made?.bytesResent ?? 0);
    this.durationSeconds = image.durationSeconds;
    this.runId = run.runId;
    this.registerOutputs(this.#outputs());
  }

  #outputs(): pulumi.Inputs {
    return {
      imageId: this.imageId,
      imageArn: this.imageArn,
      name: this.name,
      architecture: this.architecture,
      rootDeviceName: this.rootDeviceName,
      rootSnapshotId: this.rootSnapshotId,
      ownerId: this.ownerId,
      region: this.region,
      partition: this.partition,
      sourceImageId: this.sourceImageId,
      snapshots: this.snapshots,
      fidelity: this.fidelity,
      bytesRead: this.bytesRead,
      bytesSent: this.bytesSent,
      bytesResent: this.bytesResent,
      durationSeconds: this.durationSeconds,
      runId: this.runId,
    };
  }

  /**
   * The URN of a child, without depending on it. `createUrn` answers an output that depends on this
   * component, hence on all its children: given to a child as it is, nothing would ever resolve.
   */
  #urn(childName: string, type: string): Promise<string> {
    return new Promise((resolve) => {
      pulumi.createUrn(childName, type, this).apply(resolve);
    });
  }
}

/** Empty where there is none, as in somebody's tests with mocks; the SDK throws then. */
function organizationOfStack(): string {
  try {
    return pulumi.getOrganization();
  } catch {
    return "";
  }
}
