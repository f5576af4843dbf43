/** An image with everything that an image can have, under the real engine. */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import {
  DescribeImagesCommand,
  DisableImageDeregistrationProtectionCommand,
  type Image,
  ReplaceImageInstanceTypeSpecificationCommand,
} from "@aws-sdk/client-ec2";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import { destination, openScene, type Scene, source } from "./scene.ts";
import type { Stack } from "./stack.ts";

const deprecationTime = "2035-01-01T00:00:00.000Z";
const describe = {
  description: "every attribute",
  tags: { Name: "rich" },
  bootMode: "uefi",
  tpmSupport: "v2.0",
  uefiData: "QU1aTlVFRkk=",
  imdsSupport: "v2.0",
  mappings: [
    { deviceName: "/dev/sdf", sizeGib: 4, volumeType: "gp2", encrypted: true },
    { deviceName: "/dev/sdb", virtualName: "ephemeral0" },
    { deviceName: "/dev/xvda", disk: "/dev/xvda", sizeGib: 20, iops: 3_500, throughput: 300 },
  ],
  snapshots: {
    "/dev/xvda": {
      tags: { disk: "root" },
      createVolumePermission: { accountIds: ["100000000002"] },
    },
  },
  launchPermission: { accountIds: ["100000000002"] },
  deprecationTime,
  deregistrationProtection: "enabled-without-cooldown",
  instanceTypes: { supported: ["c7g.*"] },
} as const;

suite("a copy of an image with every attribute", { timeout: 240_000 }, () => {
  let scene: Scene;
  let stack: Stack;
  let image: CopiedImageFacts;
  let untouched: string[];

  before(async () => {
    scene = await openScene();
    const { files } = await scene.importImage("golden");
    const disks = Object.entries(files).map(([deviceName, path]) => ({ deviceName, path }));
    const rich = await scene.cloud.importImage({
      region: source.region,
      name: "rich",
      disks,
      describe: structuredClone(describe) as never,
    });
    untouched = await scene.inventory();
    stack = await scene.newStack();
    stack.declare({
      golden: {
        sourceAmiId: rich.imageId,
        source,
        destination,
        strict: true,
        copyLaunchPermissions: { accountIds: { "100000000002": "200000000002" } },
      },
    });
  });
  after(() => scene.close());

  async function found(): Promise<Image> {
    const gov = scene.client("aws-us-gov-1", "us-gov-west-1");
    const answer = await gov.send(new DescribeImagesCommand({ ImageIds: [image.imageId] }));
    assert.ok(answer.Images?.[0]);
    return answer.Images[0];
  }

  test("has them all, and says so at its end", async () => {
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    assert.match(up.output, /asked +launch permissions +100000000002 → 200000000002/);
    assert.match(up.output, /kept +name, description, architecture, .*deregistration protection/);
    image = await stack.image("golden");
    assert.deepEqual(
      image.fidelity.filter(({ outcome }) => outcome === "lost"),
      [],
    );
    const made = await found();
    assert.equal(made.DeprecationTime, deprecationTime);
    assert.equal(made.TpmSupport, "v2.0");
    assert.equal(made.BlockDeviceMappings?.length, 3);
  });

  test("is left alone by a second up, by a refresh, and by the up after that", async () => {
    const second = await stack.up();
    assert.deepEqual([second.code, second.changes], [0, {}], second.output);
    const refresh = await stack.refresh();
    assert.equal(refresh.code, 0, refresh.output);
    const third = await stack.up();
    assert.deepEqual([third.code, third.changes], [0, {}], third.output);
  });

  test("gets back what somebody took from it", async () => {
    const gov = scene.client("aws-us-gov-1", "us-gov-west-1");
    const ImageId = image.imageId;
    await gov.send(new DisableImageDeregistrationProtectionCommand({ ImageId }));
    await gov.send(new ReplaceImageInstanceTypeSpecificationCommand({ ImageId }));
    const refresh = await stack.refresh();
    assert.equal(refresh.code, 0, refresh.output);
    const up = await stack.up();
    assert.deepEqual([up.code, up.changes], [0, { update: 1 }], up.output);
    const made = await found();
    assert.equal(made.DeregistrationProtection, "enabled-without-cooldown");
    assert.deepEqual(made.InstanceTypeSpecification?.SupportedInstanceTypes, [
      { InstanceType: "c7g.*" },
    ]);
  });

  test("goes with its stack, protected as it is", async () => {
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    assert.deepEqual(await scene.inventory(), untouched);
  });
});
