/** What the call log tells of a call's things and tags, as IAM would ask. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { launch, newestHelperImage, openConformanceCloud, refusal } from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();
const last = () => cloud.localcloud.calls.at(-1)?.subject;

test("a call's things are told with the tags they had before it", async () => {
  const ec2 = cloud.ec2();
  const imageId = await newestHelperImage(ec2);
  const tags = [{ Key: "amicopy:run", Value: "1" }];
  const { InstanceId: id = "" } = await launch(ec2, {
    ImageId: imageId,
    TagSpecifications: [{ ResourceType: "instance", Tags: tags }],
  });
  assert.deepEqual(last(), {
    things: [{ id: imageId, kind: "image", tagKeys: [] }],
    requestTagKeys: { instance: ["amicopy:run"] },
  });
  const more = new CreateTagsCommand({ Resources: [id], Tags: [{ Key: "more", Value: "" }] });
  await ec2.send(more);
  const before = {
    things: [{ id, kind: "instance", tagKeys: ["amicopy:run"] }],
    requestTagKeys: {},
  };
  assert.deepEqual(last(), before);
  await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  assert.equal(last(), undefined);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  assert.deepEqual(last()?.things[0]?.tagKeys, ["amicopy:run", "more"]);
});

test("a refused call has them too, without what is not there", async () => {
  const nobody = new TerminateInstancesCommand({ InstanceIds: ["i-00000000000000000"] });
  await refusal(cloud.ec2().send(nobody));
  assert.deepEqual(last(), { things: [], requestTagKeys: {} });
});
