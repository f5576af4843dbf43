/** Can a copy be shared as is asked? With EC2's answers made up, and once with localcloud's own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { EncryptionDefaults } from "../../../../dynamic-providers/ec2/ec2.ts";
import type { LaunchPermission } from "../../../../dynamic-providers/ec2/image.ts";
import type { CopyRequest } from "../../../../dynamic-providers/workflow/copy-request.ts";
import { checkSharing } from "../../../../dynamic-providers/workflow/preflight/check-sharing.ts";
import { onlyVerbs, sampleImage, sampleRequest, sampleSnapshot } from "../samples.ts";

const ROUTE = {
  source: { region: "us-east-1", accountId: "111111111111", partition: "aws" },
  destination: { region: "us-west-2", accountId: "222222222222", partition: "aws" },
};
const SOMEBODY: LaunchPermission = { userId: "333333333333" };
const EVERYONE: LaunchPermission = { group: "all" };
const CUSTOMER_KEY = "arn:aws:kms:us-west-2:222222222222:key/0123";

interface Case {
  readonly permissions?: readonly LaunchPermission[];
  readonly wishes?: Partial<CopyRequest>;
  readonly snapshotPermissions?: readonly LaunchPermission[];
  readonly isSourceEncrypted?: boolean;
  readonly hasEncryptedBlank?: boolean;
  readonly defaults?: Partial<EncryptionDefaults>;
}

async function problems(one: Case): Promise<string[]> {
  const { permissions = [SOMEBODY], wishes = {}, isSourceEncrypted = false, defaults = {} } = one;
  const blank = {
    kind: "blank" as const,
    deviceName: "/dev/sdf",
    encrypted: true,
    deleteOnTermination: true,
  };
  const source = {
    image: sampleImage(one.hasEncryptedBlank === true ? { blockDevices: [blank] } : {}),
    volumes: [
      {
        deviceName: "/dev/xvda",
        snapshot: sampleSnapshot({ encrypted: isSourceEncrypted }),
        permissions: one.snapshotPermissions ?? [],
      },
    ],
    unreadable: [],
    ownerOnly: { launchPermissions: permissions },
  };
  const cloud = onlyVerbs({
    encryptionDefaults: async () => ({
      encryptsByDefault: false,
      keyId: "alias/aws/ebs",
      ...defaults,
    }),
  });
  const request = sampleRequest({ copyLaunchPermissions: { accountIds: {} }, ...wishes });
  const found = await checkSharing(request, source, ROUTE, cloud);
  for (const { property, hint } of found) {
    assert.equal(property, "copyLaunchPermissions");
    assert.match(hint, /\.$/);
  }
  return found.map(({ message }) => message);
}

const REFUSED: readonly [string, Case, RegExp][] = [
  ["an encrypted source under the default key", { isSourceEncrypted: true }, /alias\/aws\/ebs/],
  [
    "an account that encrypts by default with aws/ebs, by its ARN",
    {
      defaults: {
        encryptsByDefault: true,
        keyId: "arn:aws:kms:us-west-2:222222222222:alias/aws/ebs",
      },
    },
    /:alias\/aws\/ebs, and such an image cannot be shared/,
  ],
  ["kmsKeyId alias/aws/ebs", { wishes: { kmsKeyId: "alias/aws/ebs" } }, /AWS-managed key/],
  [
    "an account that encrypts by default, against encrypted: false",
    { wishes: { encrypted: false }, defaults: { encryptsByDefault: true } },
    /AWS-managed key/,
  ],
  [
    "an encrypted copy that is to be public, whatever its key",
    { permissions: [EVERYONE], wishes: { kmsKeyId: CUSTOMER_KEY } },
    /an encrypted image cannot be public/,
  ],
];

for (const [what, one, message] of REFUSED) {
  test(`sharing is refused with ${what}`, async () => {
    const [told, ...more] = await problems(one);
    assert.match(told ?? "", message);
    assert.deepEqual(more, []);
  });
}

const ALLOWED: readonly [string, Case][] = [
  ["a copy that is not encrypted", {}],
  ["a public one that is not encrypted", { permissions: [EVERYONE] }],
  [
    "an encrypted source that is decrypted",
    { isSourceEncrypted: true, wishes: { encrypted: false } },
  ],
  ["a customer key", { isSourceEncrypted: true, wishes: { kmsKeyId: CUSTOMER_KEY } }],
  [
    "a customer key as the account's default",
    { isSourceEncrypted: true, defaults: { keyId: CUSTOMER_KEY } },
  ],
  ["nobody to share it with", { isSourceEncrypted: true, permissions: [] }],
  [
    "only the destination's own account",
    { isSourceEncrypted: true, permissions: [{ userId: "222222222222" }] },
  ],
];

for (const [what, one] of ALLOWED) {
  test(`sharing is not in the way of ${what}`, async () => {
    assert.deepEqual(await problems(one), []);
  });
}

test("a snapshot that is shared while its image is not, and a blank volume that is to be encrypted", async () => {
  const shared = { permissions: [], snapshotPermissions: [SOMEBODY], isSourceEncrypted: true };
  assert.match((await problems(shared))[0] ?? "", /AWS-managed key/);
  assert.match(
    (await problems({ permissions: [EVERYONE], hasEncryptedBlank: true }))[0] ?? "",
    /an encrypted image cannot be public/,
  );
  assert.deepEqual(await problems({ permissions: [SOMEBODY], hasEncryptedBlank: true }), []);
});
