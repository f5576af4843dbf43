import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockDevice } from "../../../dynamic-providers/ec2/block-device.ts";
import type { Image } from "../../../dynamic-providers/ec2/image.ts";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import type { OwnerOnly } from "../../../dynamic-providers/workflow/describe-source.ts";
import { judgeFidelity } from "../../../dynamic-providers/workflow/fidelity.ts";
import { losses } from "../../../dynamic-providers/workflow/fidelity-line.ts";
import { formatFidelity } from "../../../dynamic-providers/workflow/format-fidelity.ts";
import { sampleImage, sampleRequest, sampleSnapshot } from "./samples.ts";

const NOW = Date.parse("2026-11-28T00:00:00Z");
const OWNER = "111111111111";
const ROUTE = {
  source: { region: "us-east-1", accountId: OWNER, partition: "aws" },
  destination: { region: "us-gov-west-1", accountId: "222222222222", partition: "aws-us-gov" },
};

interface Case {
  readonly image?: Partial<Image>;
  readonly request?: Partial<CopyRequest>;
  readonly snapshot?: Parameters<typeof sampleSnapshot>[0];
  readonly ownerOnly?: Partial<OwnerOnly> | null;
  readonly permissions?: readonly { readonly userId: string }[];
  readonly name?: string;
}

function judge({ image, request, snapshot, ownerOnly = {}, permissions, name }: Case = {}) {
  const volume = { deviceName: "/dev/xvda", snapshot: sampleSnapshot(snapshot) };
  const owned = ownerOnly === null ? {} : { ownerOnly: { launchPermissions: [], ...ownerOnly } };
  return judgeFidelity({
    request: sampleRequest(request),
    source: {
      image: sampleImage({ tags: { Name: "golden" }, ...image }),
      volumes: [{ ...volume, ...(permissions && { permissions }) }],
      unreadable: [],
      ...owned,
    },
    route: ROUTE,
    nowMs: NOW,
    ...(name !== undefined && { name }),
  });
}

/** `outcome: source → copy` of one attribute. */
function told(attribute: string, one: Case): string | undefined {
  const line = judge(one).find((found) => found.attribute === attribute);
  return line && `${line.outcome}: ${line.source} → ${line.copy}`;
}

test("of a usual image everything is kept", () => {
  assert.deepEqual(losses(judge()), []);
  assert.deepEqual(
    judge().map(({ attribute, outcome }) => `${outcome} ${attribute}`),
    [
      ...["name", "description", "architecture", "virtualization", "root device"],
      ...["ENA support", "boot mode", "IMDS support", "/dev/xvda", "tags"],
      ...["snapshot tags and descriptions", "launch permissions"],
    ].map((attribute) => `kept ${attribute}`),
  );
});

const uefi = { bootMode: "uefi" };
const twelve = "444444444444";
const past = "2026-11-27T00:00:00.000Z";

const CASES: readonly (readonly [attribute: string, one: Case, expected: string | undefined])[] = [
  ["name", { request: { name: "mine" } }, "asked: golden → mine"],
  ["name", { name: "golden-1234567" }, "lost: golden → golden-1234567"],
  ["description", { request: { description: "d" } }, "asked: a golden image → d"],
  ["TPM", { image: { tpmSupport: "v2.0" } }, "kept: v2.0 → v2.0"],
  ["SR-IOV", { image: { sriovNetSupport: "simple" } }, "kept: simple → simple"],
  ["SR-IOV", {}, undefined],
  ["ENA support", { image: { enaSupport: false } }, "kept: no → no"],
  ["kernel", { image: { kernelId: "aki-1" } }, "lost: aki-1 → "],
  [
    "kernel",
    { image: { kernelId: "aki-1" }, request: { kernelId: "aki-2" } },
    "asked: aki-1 → aki-2",
  ],
  [
    "RAM disk",
    { image: { ramdiskId: "ari-1" }, request: { ramdiskId: "ari-2" } },
    "asked: ari-1 → ari-2",
  ],
  [
    "UEFI variables",
    { image: uefi, ownerOnly: { uefiData: "QUJD" } },
    "kept: 4 characters → 4 characters",
  ],
  ["UEFI variables", { image: uefi, ownerOnly: null }, "lost: unknown → "],
  ["UEFI variables", { image: { bootMode: "legacy-bios" }, ownerOnly: null }, undefined],
  ["/dev/xvda encryption", {}, undefined],
  [
    "/dev/xvda encryption",
    { snapshot: { encrypted: true, kmsKeyId: "key-1" } },
    "asked: key-1 → the account's default key",
  ],
  ["/dev/xvda encryption", { request: { kmsKeyId: "key-2" } }, "asked: none → key-2"],
  [
    "/dev/xvda encryption",
    { snapshot: { encrypted: true }, request: { encrypted: false } },
    "asked: encrypted → none",
  ],
  ["tags", { request: { copyTags: false } }, "asked: 1 → none"],
  ["tags", { request: { tags: { team: "a" } } }, "asked: 1 → 2"],
  ["tags", { image: { ownerId: "333333333333" } }, "lost: unknown → 1"],
  ["tags of AWS", { image: { tags: { "aws:x": "y" } } }, "lost: aws:x → "],
  ["snapshot tags", { snapshot: { ownerId: "333333333333" } }, "lost: unknown → "],
  [
    "launch permissions",
    { ownerOnly: { launchPermissions: [{ userId: twelve }, { group: "all" }] } },
    `lost: ${twelve}, everyone → private`,
  ],
  [
    "launch permissions",
    {
      ownerOnly: { launchPermissions: [{ userId: twelve }] },
      request: { copyLaunchPermissions: { accountIds: {} } },
    },
    `lost: ${twelve} → private`,
  ],
  [
    "launch permissions",
    {
      ownerOnly: { launchPermissions: [{ userId: twelve }] },
      request: { copyLaunchPermissions: { accountIds: { [twelve]: "555555555555" } } },
    },
    `asked: ${twelve} → 555555555555`,
  ],
  ["launch permissions", { ownerOnly: null }, "lost: unknown → private"],
  ["snapshot permissions", { permissions: [{ userId: twelve }] }, `lost: ${twelve} → private`],
  ["deprecation", { image: { deprecationTime: past } }, `lost: ${past} → not deprecated`],
  [
    "deprecation",
    { image: { deprecationTime: "2027-01-01T00:00:00.000Z" } },
    "kept: 2027-01-01T00:00:00.000Z → 2027-01-01T00:00:00.000Z",
  ],
  [
    "deregistration protection",
    { image: { deregistrationProtection: "enabled" } },
    "kept: enabled → enabled",
  ],
  [
    "instance types",
    { image: { instanceTypes: { supported: ["c7g.*"], unsupported: ["*.metal"] } } },
    "kept: c7g.*, not *.metal → c7g.*, not *.metal",
  ],
  ["state", { image: { state: "disabled" } }, "kept: disabled → disabled"],
  ["watermarks", { image: { watermarks: ["1:ours"] } }, "lost: 1:ours → "],
  ["product codes", { image: { productCodes: ["abc"] } }, "lost: abc → "],
];

for (const [attribute, one, expected] of CASES) {
  test(`${attribute} of ${JSON.stringify(one)} is told as ${expected ?? "nothing"}`, () => {
    assert.equal(told(attribute, one), expected);
  });
}

test("a device is told with its figures, and against what was asked for", () => {
  const device: BlockDevice = {
    kind: "blank",
    deviceName: "/dev/sdf",
    encrypted: true,
    volumeSizeGib: 100,
    volumeType: "io2",
    iops: 5_000,
    deleteOnTermination: false,
  };
  const image = { blockDevices: [device] };
  const before = "blank encrypted 100 GiB io2 5000 IOPS kept on termination";
  assert.equal(told("/dev/sdf", { image }), `kept: ${before} → ${before}`);
  const blockDevices = { "/dev/sdf": { volumeType: "gp3", throughputMibps: 200 } };
  assert.equal(
    told("/dev/sdf", { image, request: { blockDevices } }),
    `asked: ${before} → blank encrypted 100 GiB gp3 200 MiB/s kept on termination`,
  );
});

test("every line that is not kept has its reason", () => {
  for (const [, one] of CASES) {
    for (const { outcome, reason, attribute } of judge(one)) {
      assert.equal(outcome === "kept", reason === undefined, attribute);
    }
  }
});

test("the table has a line for what differs and one for all that is kept", () => {
  const lines = judge({
    image: { watermarks: ["1:ours"], description: "x".repeat(100) },
    request: { name: "mine", description: "" },
  });
  assert.deepEqual(formatFidelity(lines).split("\n"), [
    "  asked  name         golden → mine  (asked for with name)",
    `  asked  description  ${"x".repeat(57)}… → nothing  (asked for with description)`,
    "  lost   watermarks   1:ours  (a watermark can be attached by the account that made it only)",
    "  kept   architecture, virtualization, root device, ENA support, boot mode, IMDS support, " +
      "/dev/xvda, tags, snapshot tags and descriptions, launch permissions",
  ]);
});
