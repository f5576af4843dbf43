/** Keys of every kind at either end, against a localcloud: what the copy is under, and what late refusals say. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  DisableEbsEncryptionByDefaultCommand,
  EC2Client,
  EnableEbsEncryptionByDefaultCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
  ResetEbsDefaultKmsKeyIdCommand,
} from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import { isCopyError } from "../../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest, CopyResult } from "../../../dynamic-providers/workflow/copy-request.ts";
import type { RunContext } from "../../../dynamic-providers/workflow/run-context.ts";
import { openBootBench } from "./boot-bench.ts";
import { exchange } from "./cloud-bench.ts";

const boot = await openBootBench();
after(() => boot[Symbol.asyncDispose]());
const { bench } = boot;
const { cloud } = bench;

const SOURCE = "us-east-1";
const DESTINATION = "us-gov-west-1";
const CUSTOMER_KEY = "alias/amicopy-test";
const keysOf = async (region: string, account?: string) =>
  (await cloud.configure({ region, ...(account !== undefined && { account }), settings: {} }))
    .keyArns;
const sourceKeys = await keysOf(SOURCE);
const otherKeys = await keysOf(SOURCE, "aws-2");
const destinationKeys = await keysOf(DESTINATION);
const OWN_DEFAULT = destinationKeys["alias/aws/ebs"];

const admin = new EC2Client({
  region: DESTINATION,
  endpoint: cloud.endpoint,
  credentials: fromIni({
    profile: "aws-us-gov-1",
    filepath: cloud.env.AWS_SHARED_CREDENTIALS_FILE ?? "",
    configFilepath: cloud.env.AWS_CONFIG_FILE ?? "",
  }),
});
after(() => admin.destroy());

/** One disk, under a key, of whichever account; another's is shared with its snapshot. */
async function imageUnder(name: string, kmsKeyId?: string, account?: string): Promise<string> {
  const sharing = { accountIds: ["100000000001"] };
  const { imageId, snapshotIds } = await cloud.importImage({
    region: SOURCE,
    name,
    ...(account !== undefined && { account }),
    disks: [boot.root],
    describe: {
      ...(account !== undefined && { launchPermission: sharing }),
      snapshots: {
        "/dev/xvda": {
          ...(kmsKeyId !== undefined && { kmsKeyId }),
          ...(account !== undefined && { createVolumePermission: sharing }),
        },
      },
    },
  });
  bench.spare(imageId, ...snapshotIds);
  return imageId;
}

const SOURCES = {
  plain: await imageUnder("plain"),
  "under a customer key": await imageUnder("customer", CUSTOMER_KEY),
  "under aws/ebs": await imageUnder("managed", "alias/aws/ebs"),
  "under another account's key": await imageUnder("others", "alias/amicopy-shared", "aws-2"),
} as const;
const NAMES = Object.keys(SOURCES) as (keyof typeof SOURCES)[];

let runCount = 0x100;

async function copyOf(
  sourceAmiId: string,
  wishes: Partial<CopyRequest> = {},
  changes: Partial<RunContext> = {},
): Promise<CopyResult> {
  const identity = boot.identityOf(runCount++);
  const request = { ...bench.request, sourceAmiId, ...wishes };
  return copyImage(request, identity, await bench.context("good", changes));
}

/** What the copy's one snapshot is under; everything of the copy is removed again. */
async function keyOf(result: CopyResult): Promise<string | undefined> {
  const [facts] = result.image.snapshots;
  assert.ok(facts);
  const { destination } = bench.clouds();
  const [snapshot] = await destination.describeSnapshots({ ids: [facts.snapshotId] });
  const content = await bench.firstMib(DESTINATION, facts.snapshotId);
  assert.ok(bench.contents[0]?.equals(content), "the bytes are equal");
  assert.equal(snapshot?.encrypted, snapshot?.kmsKeyId !== undefined);
  await destination.deregisterImage(result.image.imageId);
  await destination.deleteSnapshot(facts.snapshotId);
  return snapshot?.kmsKeyId;
}

/** Of all sources at once, in their order. */
async function keysOfCopies(wishes: Partial<CopyRequest>): Promise<(string | undefined)[]> {
  const results = await Promise.all(NAMES.map((name) => copyOf(SOURCES[name], wishes)));
  const keys: (string | undefined)[] = [];
  for (const result of results) keys.push(await keyOf(result));
  assert.deepEqual(await bench.leftovers(), []);
  return keys;
}

test("without a wish what was encrypted stays so, under the account's default key", async () => {
  assert.deepEqual(await keysOfCopies({}), [undefined, OWN_DEFAULT, OWN_DEFAULT, OWN_DEFAULT]);
});

test("encrypted: true encrypts what was not", async () => {
  assert.deepEqual(await keysOfCopies({ encrypted: true }), Array(4).fill(OWN_DEFAULT));
});

test("kmsKeyId puts all under that key, by alias or by ARN", async () => {
  const key = destinationKeys[CUSTOMER_KEY];
  assert.deepEqual(await keysOfCopies({ kmsKeyId: CUSTOMER_KEY }), Array(4).fill(key));
  assert.equal(await keyOf(await copyOf(SOURCES.plain, { kmsKeyId: key ?? "" })), key);
});

test("encrypted: false decrypts all", async () => {
  assert.deepEqual(await keysOfCopies({ encrypted: false }), Array(4).fill(undefined));
});

test("an account that encrypts by default does so with its own key; encrypted: false is refused there", async () => {
  const KmsKeyId = CUSTOMER_KEY;
  await admin.send(new EnableEbsEncryptionByDefaultCommand({}));
  await admin.send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId }));
  try {
    const key = destinationKeys[KmsKeyId];
    assert.deepEqual(await keysOfCopies({}), Array(4).fill(key));
    await assert.rejects(copyOf(SOURCES.plain, { encrypted: false }), (error: Error) => {
      const told = `encrypted: The account encrypts everything new in ${DESTINATION} by default `;
      assert.ok(error.message.startsWith(`${told}(under ${key})`), error.message);
      return isCopyError(error, "preflight");
    });
  } finally {
    await admin.send(new ResetEbsDefaultKmsKeyIdCommand({}));
    await admin.send(new DisableEbsEncryptionByDefaultCommand({}));
  }
});

/** Everything that a person needs to know, in the message and its hint; and nothing is left. */
async function assertKeyTrouble(
  running: Promise<unknown>,
  told: { message: RegExp; key: string; permissions: readonly string[] },
): Promise<void> {
  await assert.rejects(running, (error: Error & { hint?: string; leftBehind?: unknown }) => {
    assert.match(error.message, told.message);
    assert.ok(error.message.includes(told.key), error.message);
    for (const name of told.permissions) assert.ok(error.hint?.includes(name), `${error.hint}`);
    assert.deepEqual(error.leftBehind, []);
    return true;
  });
  assert.deepEqual(await bench.leftovers(), []);
}

const WRITE = [
  "kms:DescribeKey",
  "kms:CreateGrant",
  "kms:Decrypt",
  "kms:GenerateDataKeyWithoutPlaintext",
];
const READ = [...WRITE, "kms:ReEncrypt*"];

test("a source under a key that this account may not use is told with that key", async () => {
  const imageId = await imageUnder("locked", CUSTOMER_KEY, "aws-2");
  await assertKeyTrouble(copyOf(imageId), {
    message:
      /^instance i-\S+ in us-east-1 is \S+ before it ran: Client\.InternalError: Client error on launch, which is how EC2 says that it cannot use /,
    key: `${otherKeys[CUSTOMER_KEY]} of snap-`,
    permissions: READ,
  });
});

test("a source under a key that is disabled is told with that key", async () => {
  const disable = (enabled: boolean) =>
    cloud.configure({ region: SOURCE, settings: { keys: { [CUSTOMER_KEY]: { enabled } } } });
  await disable(false);
  try {
    await assertKeyTrouble(copyOf(SOURCES["under a customer key"]), {
      message: /^instance i-\S+ in us-east-1 is /,
      key: sourceKeys[CUSTOMER_KEY] ?? "?",
      permissions: READ,
    });
  } finally {
    await disable(true);
  }
});

test("a key that there is not at the destination is told with its name", async () => {
  await assertKeyTrouble(copyOf(SOURCES.plain, { kmsKeyId: "alias/nobody" }), {
    message: /^instance i-\S+ in us-gov-west-1 is /,
    key: "alias/nobody",
    permissions: WRITE,
  });
});

test("a key that is taken away while it copies is told by the snapshot that needed it", async () => {
  const enable = (enabled: boolean) =>
    cloud.configure({ region: DESTINATION, settings: { keys: { [CUSTOMER_KEY]: { enabled } } } });
  const { source, destination } = bench.clouds();
  const clouds = {
    source,
    destination: exchange(destination, {
      async createSnapshot(asked) {
        await enable(false);
        return destination.createSnapshot(asked);
      },
    }),
  };
  try {
    await assertKeyTrouble(copyOf(SOURCES.plain, { kmsKeyId: CUSTOMER_KEY }, { clouds }), {
      message: /^snapshot snap-\S+ in us-gov-west-1 went to error: Given key ID is not accessible/,
      key: CUSTOMER_KEY,
      permissions: WRITE,
    });
  } finally {
    await enable(true);
  }
});

test("an image that fails for a key says what the key needs", async () => {
  const message =
    "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state";
  await cloud.setFaults({ faults: [{ fault: "state", of: "image", message }] });
  try {
    const wishes = { kmsKeyId: CUSTOMER_KEY };
    await assert.rejects(copyOf(SOURCES.plain, wishes), (error: Error & { hint?: string }) => {
      assert.match(error.message, /^image ami-\S+ in us-gov-west-1 is failed: .*InvalidKMSKey/);
      assert.ok(error.message.includes(`cannot use ${CUSTOMER_KEY}`), error.message);
      for (const name of WRITE) assert.ok(error.hint?.includes(name), `${error.hint}`);
      return true;
    });
  } finally {
    await cloud.setFaults({ faults: [] });
  }
  // The verified snapshot stays for the next attempt.
  await keyOf(await copyAgain(SOURCES.plain, { kmsKeyId: CUSTOMER_KEY }));
  assert.deepEqual(await bench.leftovers(), []);
});

test("sharing that a key forbids, where only EC2 knows it, is told with the way out", async () => {
  // By its ARN nobody can tell aws/ebs from a customer key.
  const { source } = bench.clouds();
  const change = { add: [{ userId: "100000000002" }], remove: [] };
  await source.changeLaunchPermissions(SOURCES.plain, change);
  const snapshotId = await snapshotOf(SOURCES.plain);
  await source.changeSnapshotPermissions(snapshotId, change);
  const wishes: Partial<CopyRequest> = {
    kmsKeyId: OWN_DEFAULT ?? "",
    copyLaunchPermissions: { accountIds: { "100000000002": "200000000002" } },
  };
  await assert.rejects(copyOf(SOURCES.plain, wishes), (error: Error & { hint?: string }) => {
    assert.match(error.message, /EBS default key cannot be shared/);
    assert.match(error.hint ?? "", /kmsKeyId with a customer key/);
    return true;
  });
  const again = await copyAgain(SOURCES.plain, { kmsKeyId: OWN_DEFAULT ?? "" });
  assert.equal(await keyOf(again), OWN_DEFAULT);
  assert.deepEqual(await bench.leftovers(), []);
});

async function snapshotOf(imageId: string): Promise<string> {
  const [image] = await bench.clouds().source.describeImages({ imageIds: [imageId] });
  const [device] = image?.blockDevices ?? [];
  return device?.kind === "snapshot" ? device.snapshotId : assert.fail();
}

/** The next attempt of the run that has failed last. */
async function copyAgain(sourceAmiId: string, wishes: Partial<CopyRequest>): Promise<CopyResult> {
  runCount--;
  return copyOf(sourceAmiId, wishes);
}

test("a source that may be launched but not read, under a key that may not be used, is told", async () => {
  const { imageId } = await boot.publicImage("locked too", {
    launchPermission: { accountIds: ["100000000001"] },
    snapshots: { "/dev/xvda": { kmsKeyId: CUSTOMER_KEY } },
  });
  await assertKeyTrouble(copyOf(imageId, { allowBootOfSource: true }), {
    message: /^instance i-\S+ in us-east-1 is \S+ before it ran: .*cannot use/,
    key: "the key of its snapshots",
    permissions: READ,
  });
});

test("one under a key that may be used is started, and its copy is encrypted", async () => {
  const { imageId } = await boot.publicImage("open", {
    launchPermission: { accountIds: ["100000000001"] },
    snapshots: { "/dev/xvda": { kmsKeyId: "alias/amicopy-shared" } },
  });
  const result = await copyOf(imageId, { allowBootOfSource: true });
  const { destination } = bench.clouds();
  const ids = result.image.snapshots.map(({ snapshotId }) => snapshotId);
  const [root, data] = await destination.describeSnapshots({ ids });
  assert.deepEqual([root?.kmsKeyId, data?.kmsKeyId].sort(), [OWN_DEFAULT, undefined].sort());
  const line = result.image.fidelity.find(({ attribute }) => attribute === "/dev/xvda encryption");
  assert.equal(line?.outcome, "asked");
  await boot.removeOnly(result);
});
