/** What an account's own rights, quotas and settings mean for a copy, and credentials that end. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  DisableAllowedImagesSettingsCommand,
  EC2Client,
  EnableAllowedImagesSettingsCommand,
  EnableImageBlockPublicAccessCommand,
  ReplaceImageCriteriaInAllowedImagesSettingsCommand,
} from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import { endOfCredentials } from "../../../dynamic-providers/ec2/credentials.ts";
import { planCopy } from "../../../dynamic-providers/plan-copy.ts";
import { isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import { checkCredentials } from "../../../dynamic-providers/workflow/preflight/check-credentials.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import { openCloudBench, QUICK, runId } from "./cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const { sourceAmiId, source, destination } = bench.request;
const args = { sourceAmiId, source, destination };
const THERE = { region: "us-gov-west-1", account: "aws-us-gov-1" };

function client(profile: string, region: string): EC2Client {
  const { env, endpoint } = bench.cloud;
  const files = {
    filepath: env.AWS_SHARED_CREDENTIALS_FILE ?? "",
    configFilepath: env.AWS_CONFIG_FILE ?? "",
  };
  const credentials = fromIni({ profile, ignoreCache: true, ...files });
  const made = new EC2Client({ region, endpoint, credentials });
  after(() => made.destroy());
  return made;
}
const here = client("aws-1", "us-east-1");
const there = client("aws-us-gov-1", "us-gov-west-1");

async function planned(more: object = {}, environment: NodeJS.ProcessEnv = bench.cloud.env) {
  const { problems } = await planCopy({ ...args, ...more }, environment);
  return problems.map(({ property, message, hint }) => `${property}: ${message} ${hint}`);
}

test("a plan tries the rights of both sides by dry runs, and makes nothing", async () => {
  assert.deepEqual(await planned(), []);
  await bench.cloud.configure({ ...THERE, settings: { denied: ["ec2:RunInstances"] } });
  const from = { region: "us-east-1", account: "aws-1" };
  await bench.cloud.configure({ ...from, settings: { denied: ["ec2:CreateSecurityGroup"] } });
  const lines = await planned();
  assert.equal(lines.length, 2, lines.join("\n"));
  assert.match(lines[0] ?? "", /^source: CreateSecurityGroup in us-east-1: UnauthorizedOperation/);
  assert.match(lines[0] ?? "", /Allow ec2:CreateSecurityGroup .* docs\/iam\/source\.json\.$/);
  assert.match(
    lines[1] ?? "",
    /^destination: RunInstances in us-gov-west-1: UnauthorizedOperation/,
  );
  await bench.cloud.configure({ ...THERE, settings: { denied: [] } });
  await bench.cloud.configure({ ...from, settings: { denied: [] } });
  assert.deepEqual(await bench.leftovers(), []);
  const tried = bench.cloud.calls.filter(({ action }) => /^(Run|CreateSec)/.test(action));
  assert.ok(tried.length >= 8 && tried.every(({ dryRun }) => dryRun));
});

test("too few vCPUs are told as a quota, after smaller helpers were tried", async () => {
  // Found fit while there was room; others have used it since.
  const [first, second] = [await bench.identity(runId(1)), await bench.identity(runId(2))];
  await bench.cloud.configure({ ...THERE, settings: { quotas: { vcpus: 1 } } });
  const context = await bench.context("good");
  const copy = copyImage(bench.request, first, context);
  await assert.rejects(copy, (error: unknown) => {
    assert.ok(isCopyError(error, "no-capacity"));
    assert.match(error.message, /xlarge, .*\.large.* in \S+a, .*\(VcpuLimitExceeded\)/);
    assert.match(error.hint ?? "", /Running On-Demand Standard .*L-1216C47A.* end instances/);
    return true;
  });
  await bench.cloud.configure({ ...THERE, settings: { quotas: { vcpus: 1152, volumeGib: 1 } } });
  const other = copyImage(bench.request, second, context);
  await assert.rejects(other, (error: unknown) => {
    assert.ok(isCopyError(error, "cloud"));
    assert.match(error.message, /VolumeLimitExceeded/);
    assert.match(error.hint ?? "", /gp3.*L-7A658B76.* delete volumes/);
    return true;
  });
  await bench.cloud.configure({ ...THERE, settings: { quotas: { volumeGib: 300_000 } } });
  assert.deepEqual(await bench.leftovers(), []);
});

test("with room for one snapshot in progress the volumes wait for each other, and with none they say so", async () => {
  await bench.cloud.configure({ ...THERE, settings: { quotas: { pendingSnapshots: 1 } } });
  const told = new Set<string>();
  const report = (_row: string, text: string) => told.add(text);
  const context = await bench.context("good", { report });
  const { image } = await copyImage(bench.request, await bench.identity(runId(3)), context);
  assert.equal(image.snapshots.length, 2);
  assert.ok(told.has("waiting: the account has too many snapshots in progress"));
  await removeImage(image, bench.clouds().destination, { clock: systemClock, limits: QUICK });
  await bench.cloud.configure({ ...THERE, settings: { quotas: { pendingSnapshots: 0 } } });
  const full = { ...context, limits: { ...QUICK, roomMs: 300 } };
  const copy = copyImage(bench.request, await bench.identity(runId(4)), full);
  await assert.rejects(copy, (error: unknown) => {
    assert.ok(isCopyError(error, "cloud"));
    assert.match(
      error.message,
      /^snapshot-volumes: CreateSnapshot .* PendingSnapshotLimitExceeded/,
    );
    assert.match(
      error.hint ?? "",
      /Pending snapshots per account \(ebs, L-94D7AB7D\); or wait until others are completed/,
    );
    return true;
  });
  const settings = { quotas: { pendingSnapshots: 100, snapshots: 0 } };
  await bench.cloud.configure({ ...THERE, settings });
  const other = copyImage(bench.request, await bench.identity(runId(5)), context);
  await assert.rejects(other, (error: unknown) => {
    assert.ok(isCopyError(error, "cloud"));
    assert.match(error.hint ?? "", /Snapshots per Region .*L-309BACF6/);
    return true;
  });
  await bench.cloud.configure({ ...THERE, settings: { quotas: { snapshots: 100_000 } } });
  assert.deepEqual(await bench.leftovers(), []);
});

test("a public copy is refused where the account blocks public images", async () => {
  const ImageBlockPublicAccessState = "block-new-sharing";
  await there.send(new EnableImageBlockPublicAccessCommand({ ImageBlockPublicAccessState }));
  const everybody = { add: [{ group: "all" }], remove: [] };
  await bench.clouds().source.changeLaunchPermissions(bench.imageId, everybody);
  assert.deepEqual(await planned(), [], "nobody has asked for it");
  const [line] = await planned({ copyLaunchPermissions: { accountIds: {} } });
  assert.match(line ?? "", /^copyLaunchPermissions: .* blocks public access to images in us-gov-/);
});

test("credentials that end before the copy is expected to are refused, with both times", async () => {
  const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  const environment = { ...bench.cloud.env, SOURCE_AWS_CREDENTIAL_EXPIRATION: at(1) };
  const [line] = await planned({}, environment);
  assert.match(
    line ?? "",
    /^source: .* end at 20\S+Z, in 1 minutes, .* take about \d+\. Give fresh/,
  );
  assert.deepEqual(
    await planned({}, { ...environment, SOURCE_AWS_CREDENTIAL_EXPIRATION: at(99) }),
    [],
  );
  const unknown = { source: undefined, destination: undefined };
  assert.deepEqual(checkCredentials(unknown, 1e9, 0), []);
  assert.deepEqual(checkCredentials({ ...unknown, source: at(-1) }, undefined, 0), []);
});

test("only credentials that stand in the environment are taken for ones that end", () => {
  const end = "2026-11-28T03:00:00Z";
  const own = { AWS_ACCESS_KEY_ID: "A", AWS_CREDENTIAL_EXPIRATION: end };
  const region = "us-east-1";
  assert.equal(endOfCredentials({ region }, own), end);
  assert.equal(endOfCredentials({ region, profile: "p" }, own), undefined);
  assert.equal(endOfCredentials({ region }, { ...own, AWS_PROFILE: "p" }), undefined);
  assert.equal(endOfCredentials({ region, environmentPrefix: "X_" }, own), undefined);
  const prefixed = { X_AWS_ACCESS_KEY_ID: "A", X_AWS_CREDENTIAL_EXPIRATION: "soon" };
  assert.equal(endOfCredentials({ region, environmentPrefix: "X_" }, prefixed), undefined);
});

test("an image that the account's Allowed AMIs hide is told with the setting's own words", async () => {
  const allow = async (ec2: EC2Client, ImageCriteria: object[]) => {
    await ec2.send(new ReplaceImageCriteriaInAllowedImagesSettingsCommand({ ImageCriteria }));
    const AllowedImagesSettingsState = "enabled";
    await ec2.send(new EnableAllowedImagesSettingsCommand({ AllowedImagesSettingsState }));
  };
  const [theirs] = await bench.clouds().source.describeImages({ owner: "amazon" });
  assert.ok(theirs);
  await allow(there, [{ ImageProviders: ["123456789012"], ImageNames: ["golden-*"] }]);
  const [image, setting, ...others] = await planned();
  assert.deepEqual(others, []);
  assert.match(image ?? "", /^helper\.destination\.imageId: There is no image al2023-ami-2023\.\*/);
  assert.match(
    setting ?? "",
    /^destination: .*"Allowed AMIs" in us-gov-west-1 lets only those of 123456789012 named golden-\* .* let through Amazon Linux 2023 \(provider amazon\)\. Add /,
  );
  await there.send(new DisableAllowedImagesSettingsCommand({}));
  await allow(here, [{ ImageProviders: ["none"] }]);
  const lines = await planned({ sourceAmiId: theirs.imageId });
  assert.deepEqual(
    lines.map((line) => line.split(":")[0]),
    ["sourceAmiId", "helper.source.imageId", "source"],
  );
  assert.match(lines[2] ?? "", new RegExp(`of none .* Linux 2023 .* and ${theirs.imageId}\\.`));
  await allow(here, [{ ImageProviders: ["amazon"] }]);
  assert.deepEqual(await planned(), [], "the account's own source needs no provider");
  await here.send(new DisableAllowedImagesSettingsCommand({}));
});
