/** The providers' parts in memory: a destination with one copy in it, and a list of what was called. */

import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import type { EngineLog } from "../../dynamic-providers/engine-log.ts";
import type { ProviderParts } from "../../dynamic-providers/provider-parts.ts";
import type { RunOutcome } from "../../dynamic-providers/shared-run.ts";
import type {
  CopiedImageFacts,
  CopyRequest,
  HelperFacts,
  RunIdentity,
} from "../../dynamic-providers/workflow/copy-request.ts";
import { defaultLimits } from "../../dynamic-providers/workflow/limits.ts";
import type { ObservedImage } from "../../dynamic-providers/workflow/observe-image.ts";

export const request: CopyRequest = {
  sourceAmiId: "ami-0123456789abcdef0",
  source: { region: "us-east-1", profile: "commercial" },
  destination: { region: "us-gov-west-1", profile: "gov" },
  tags: { team: "images" },
  copyTags: true,
  helper: { source: {}, destination: {} },
  temporaryNamePrefix: "amicopy",
  timeoutMinutes: 60,
};

export const run: RunIdentity = {
  runId: "00112233445566aa",
  row: "99887766554433bb",
  rowTime: { claimedAfter: "2026-01-01T23:59:00.000Z", begunBefore: "2026-01-02T00:00:00.000Z" },
  source: { region: "us-east-1", accountId: "111111111111", partition: "aws" },
  destination: { region: "us-gov-west-1", accountId: "222222222222", partition: "aws-us-gov" },
};

export const image: CopiedImageFacts = {
  imageId: "ami-0fedcba9876543210",
  imageArn: "arn:aws-us-gov:ec2:us-gov-west-1::image/ami-0fedcba9876543210",
  name: "golden",
  description: "from the source",
  architecture: "arm64",
  rootDeviceName: "/dev/xvda",
  rootSnapshotId: "snap-0fedcba9876543210",
  ownerId: "222222222222",
  region: "us-gov-west-1",
  partition: "aws-us-gov",
  sourceImageId: request.sourceAmiId,
  imageTags: { team: "images", os: "linux" },
  snapshots: [
    {
      deviceName: "/dev/xvda",
      sourceSnapshotId: "snap-0123456789abcdef0",
      snapshotId: "snap-0fedcba9876543210",
      volumeSizeGib: 8,
      digest: "ab".repeat(32),
    },
  ],
  registration: {} as CopiedImageFacts["registration"],
  fidelity: [{ attribute: "boot mode", outcome: "kept", source: "uefi", copy: "uefi" }],
  bytesRead: 5_000_000,
  bytesSent: 2_000_000,
  bytesResent: 300_000,
  durationSeconds: 42,
};

export const helper: HelperFacts = {
  instanceId: "i-0123456789abcdef0",
  instanceType: "c8gn.large",
  availabilityZone: "us-east-1a",
  launchedAt: "2026-01-01T00:00:00.000Z",
  terminatedAt: "2026-01-01T00:01:00.000Z",
  outcome: "complete",
};

export const complete: RunOutcome = {
  kind: "complete",
  result: {
    image,
    wishes: {
      description: image.description,
      tags: image.imageTags,
      launchPermissions: [],
      disabled: false,
    },
    helpers: { source: helper, destination: helper },
    attempt: 1,
    leftBehind: [],
  },
};

export const observed: ObservedImage = {
  registered: true,
  snapshotIds: ["snap-0fedcba9876543210"],
  description: image.description,
  tags: { ...image.imageTags, "somebody-else": "put this" },
  launchPermissions: [],
  disabled: false,
};

export const stub = { __provider: "exports.handler = …" };

export interface PartsTwin extends ProviderParts {
  /** `<verb> <what>` in the order of the calls. */
  readonly calls: string[];
  readonly warnings: string[];
}

/** @param overrides - Parts that a test makes behave otherwise. */
export function partsTwin(overrides: Partial<ProviderParts> = {}): PartsTwin {
  const calls: string[] = [];
  const warnings: string[] = [];
  const called = (call: string) => void calls.push(call);
  const log: EngineLog = {
    status() {},
    note() {},
    warn: (_urn, text) => void warnings.push(text),
    isEngineThere: () => Promise.resolve(true),
  };
  return {
    calls,
    warnings,
    openCloud: ({ region }) => cloudTwin(region),
    tagsOf: (runId) => ({ "amicopy:run": runId }),
    startMs: Date.parse("2026-01-01T23:59:00Z"),
    newRunId: () => run.runId,
    rowOf: () => run.row ?? "",
    async preflight() {
      called("preflight");
      return { problems: [], identity: { source: run.source, destination: run.destination } };
    },
    runs: {
      async join({ row }) {
        called(`join ${row}`);
        return complete;
      },
      outcomeOf: () => undefined,
    },
    async observeImage() {
      called("observe");
      return observed;
    },
    async restoreImage(facts) {
      called("restore");
      return { image: { ...facts, imageId: "ami-0aaaaaaaaaaaaaaaa" }, leftBehind: [] };
    },
    async updateImage(facts, wishes) {
      called(`update ${facts.imageId}`);
      return { ...facts, description: wishes.description, imageTags: wishes.tags };
    },
    async ownImage(_cloud, { imageId }) {
      called(`own ${imageId}`);
    },
    async removeImage(facts) {
      called(`remove ${facts.imageId}`);
    },
    async sweepLeftBehind({ runId }, _cloud, side) {
      called(`sweep left behind ${runId} ${side}`);
    },
    async sweepRun({ runId }, _cloud, side) {
      called(`sweep ${runId} ${side}`);
    },
    log,
    clock: { now: () => Date.parse("2026-01-02T00:00:00Z"), sleep: () => Promise.resolve() },
    limits: defaultLimits,
    ...overrides,
  };
}

/** A cloud in which nothing is; a test gives the verbs it needs. */
export function cloudTwin(region: string, verbs: Partial<Ec2> = {}): Ec2 {
  const nothing = async () => [];
  const identity = region === run.source.region ? run.source : run.destination;
  const callerIdentity = async () => ({ ...identity, arn: "" });
  const lookups = { describeImages: nothing, describeSnapshots: nothing };
  const machines = { describeInstances: nothing, describeSecurityGroups: nothing };
  return { region, callerIdentity, ...lookups, ...machines, ...verbs } as Ec2;
}
