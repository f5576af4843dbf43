import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceTypeFacts } from "../../../dynamic-providers/ec2/instance.ts";
import {
  chooseHelper,
  newestByArchitecture,
} from "../../../dynamic-providers/workflow/choose-helper.ts";
import { onlyVerbs, sampleImage } from "./samples.ts";

const SUBNETS = ["b", "a"].map((zone) => ({
  subnetId: `subnet-${zone}`,
  vpcId: "vpc-1",
  availabilityZone: `us-east-1${zone}`,
}));

function al2023(changes: { architecture: "arm64" | "x86_64"; date: string; name?: string }) {
  const {
    architecture,
    date,
    name = `al2023-ami-2023.9.${date}-kernel-6.18-${architecture}`,
  } = changes;
  return sampleImage({
    imageId: `ami-${architecture}-${date}`,
    name,
    architecture,
    creationDate: date,
  });
}

function type(
  instanceType: string,
  architecture: string,
  changes: Partial<InstanceTypeFacts> = {},
) {
  return {
    instanceType,
    architectures: [architecture],
    maximumVolumes: 27,
    isNitro: true,
    ...changes,
  };
}

function cloudWith(types: InstanceTypeFacts[], offered: Record<string, string[]>) {
  return onlyVerbs({
    describeSubnets: async ({ subnetIds }: { subnetIds?: string[] }) =>
      SUBNETS.filter(({ subnetId }) => subnetIds?.includes(subnetId) ?? true),
    describeRouteTables: async () => [
      {
        isMain: true,
        subnetIds: [],
        routes: [{ cidr: "0.0.0.0/0", target: "igw-1", isActive: true }],
      },
    ],
    describeImages: async () => [
      al2023({ architecture: "arm64", date: "2026-10-01" }),
      al2023({ architecture: "arm64", date: "2026-11-01" }),
      al2023({ architecture: "x86_64", date: "2026-11-01" }),
    ],
    describeInstanceTypes: async (names: string[]) =>
      types.filter(({ instanceType }) => names.includes(instanceType)),
    describeOfferings: async (names: string[]) =>
      names.flatMap((name) =>
        (offered[name] ?? []).map((zone) => ({ instanceType: name, zone: `us-east-1${zone}` })),
      ),
  });
}

test("arm64 comes before x86, every zone of a type before the next type", async () => {
  const cloud = cloudWith(
    [type("c7i.large", "x86_64"), type("c7g.large", "arm64"), type("c8g.large", "arm64")],
    { "c7i.large": ["a"], "c7g.large": ["a", "b"], "c8g.large": ["b"] },
  );
  const found = await chooseHelper(cloud, {}, 2);
  assert.ok("choices" in found);
  assert.deepEqual(
    found.choices.map(({ instanceType, subnet, imageId }) => [
      instanceType,
      subnet.subnetId,
      imageId,
    ]),
    [
      ["c8g.large", "subnet-b", "ami-arm64-2026-11-01"],
      ["c7g.large", "subnet-a", "ami-arm64-2026-11-01"],
      ["c7g.large", "subnet-b", "ami-arm64-2026-11-01"],
      ["c7i.large", "subnet-a", "ami-x86_64-2026-11-01"],
    ],
  );
});

test("the image's own volumes are counted, and may not be where a copied one goes", async () => {
  const device = (deviceName: string) =>
    ({ kind: "blank", deviceName, encrypted: false, deleteOnTermination: false }) as const;
  const chooseWith = (deviceName: string, count: number, isDonor = false) => {
    const image = sampleImage();
    const blockDevices = [...image.blockDevices, device(deviceName)];
    const cloud = cloudWith([type("c7g.large", "arm64")], { "c7g.large": ["a"] });
    const describeImages = async () => [{ ...image, blockDevices }];
    const own: object = { ...(cloud as object), describeImages };
    return chooseHelper(onlyVerbs(own), { imageId: image.imageId }, count, { isDonor });
  };
  const found = await chooseWith("/dev/sdb", 25);
  assert.ok("choices" in found);
  assert.deepEqual(found.choices[0]?.ownDevices, ["/dev/xvda", "/dev/sdb"]);
  const full = await chooseWith("/dev/sdb", 26);
  assert.ok("none" in full && full.none[0]?.wish === "volumes");
  const taken = await chooseWith("/dev/sdg", 2);
  assert.ok("none" in taken);
  assert.match(
    taken.none[0]?.message ?? "",
    /has a volume at \/dev\/sdg, where one that is copied/,
  );
  assert.ok("choices" in (await chooseWith("/dev/sdg", 27, true)), "a donor loses its own");
});

test("an explicit type is never substituted", async () => {
  const cloud = cloudWith([type("c7g.large", "arm64")], { "c7g.large": ["a"] });
  const found = await chooseHelper(cloud, { instanceType: "c8gb.48xlarge" }, 1);
  assert.ok("none" in found);
  assert.equal(found.none[0]?.wish, "instanceType");
  assert.match(
    found.none[0]?.message ?? "",
    /c8gb\.48xlarge is not offered .* in us-east-1a, us-east-1b/,
  );
});

test("a type that holds too few volumes besides its root is no choice", async () => {
  const cloud = cloudWith(
    [type("c7g.large", "arm64"), type("c8g.large", "arm64", { maximumVolumes: 32 })],
    {
      "c7g.large": ["a"],
      "c8g.large": ["a"],
    },
  );
  const fits = await chooseHelper(cloud, {}, 27);
  assert.ok("choices" in fits);
  assert.deepEqual(
    fits.choices.map(({ instanceType }) => instanceType),
    ["c8g.large"],
  );
  const none = await chooseHelper(cloud, {}, 32);
  assert.ok("none" in none);
  assert.equal(none.none[0]?.wish, "volumes");
});

test("a type without a console to follow is refused with the reason", async () => {
  const cloud = cloudWith([type("t2.micro", "x86_64", { isNitro: false })], { "t2.micro": ["a"] });
  const found = await chooseHelper(cloud, { instanceType: "t2.micro" }, 1);
  assert.ok("none" in found);
  assert.match(found.none[0]?.message ?? "", /t2\.micro is not built on Nitro/);
});

test("an unknown subnet is named", async () => {
  const found = await chooseHelper(cloudWith([], {}), { subnetId: "subnet-x" }, 1);
  assert.ok("none" in found);
  assert.equal(found.none[0]?.wish, "subnetId");
  assert.match(found.none[0]?.message ?? "", /subnet-x does not exist in us-east-1/);
});

test("the newest full and available image of each architecture is taken", () => {
  const newest = newestByArchitecture([
    al2023({ architecture: "arm64", date: "2026-11-01" }),
    al2023({ architecture: "arm64", date: "2026-11-09", name: "al2023-ami-minimal-2023.9-arm64" }),
    { ...al2023({ architecture: "arm64", date: "2026-11-08" }), state: "pending" },
    al2023({ architecture: "arm64", date: "2026-10-01" }),
  ]);
  assert.deepEqual(
    [...newest.values()].map(({ imageId }) => imageId),
    ["ami-arm64-2026-11-01"],
  );
});
