/** An instance that looks around and turns itself off: shutting down means terminated. */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { DescribeInstancesCommand, DescribeVolumesCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { CloudBench } from "../dynamic-providers/workflow/cloud-bench.ts";
import { launch, newestHelperImage } from "../localcloud/conformance-cloud.ts";

const LIMIT_MS = 10 * 60_000;

const SCRIPT = `#!/bin/sh
echo "LINK $(readlink /dev/sdf) $(cat /sys/block/$(readlink /dev/sdf)/device/serial)"
echo "CLOUD $(cloud-id)"
echo "SYSTEM $(ps -p 1 -o comm= 2>/dev/null || cat /proc/1/comm) $(uname -r)"
token=$(node -e 'fetch("http://169.254.169.254/latest/api/token",{method:"PUT",headers:{"x-aws-ec2-metadata-token-ttl-seconds":"60"}}).then(r=>r.text()).then(console.log)')
node -e 'fetch("http://169.254.169.254/latest/meta-data/tags/instance/color",{headers:{"x-aws-ec2-metadata-token":process.argv[1]}}).then(r=>r.text()).then(t=>console.log("TAG "+t))' "$token"
shutdown -P now
`;

export async function shutItself(
  bench: CloudBench,
  consoles: ReadonlyMap<string, string>,
  say: (text: string) => void,
): Promise<void> {
  const { env, endpoint } = bench.cloud;
  const ec2 = new EC2Client({
    region: "us-east-1",
    endpoint,
    credentials: {
      accessKeyId: env.SOURCE_AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "",
    },
  });
  try {
    const { InstanceId: id = "" } = await launch(ec2, {
      ImageId: await newestHelperImage(ec2, "x86_64"),
      InstanceType: "c7i.large",
      UserData: Buffer.from(SCRIPT).toString("base64"),
      InstanceInitiatedShutdownBehavior: "terminate",
      MetadataOptions: { InstanceMetadataTags: "enabled", HttpTokens: "required" },
      TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "color", Value: "blue" }] }],
      BlockDeviceMappings: [
        { DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1, DeleteOnTermination: true } },
      ],
    });
    const limit = performance.now() + LIMIT_MS;
    for (;;) {
      const request = new DescribeInstancesCommand({ InstanceIds: [id] });
      const { Reservations: [reservation] = [] } = await ec2.send(request);
      const [instance] = reservation?.Instances ?? [];
      if (instance?.State?.Name === "terminated") {
        assert.equal(instance.StateReason?.Code, "Client.InstanceInitiatedShutdown");
        break;
      }
      assert.ok(performance.now() < limit, `${id} is ${instance?.State?.Name}`);
      await sleep(500);
    }
    const text = consoles.get(id) ?? "";
    const [, link, serial] = /LINK (nvme\d+n\d+) (vol[0-9a-f]{17})/.exec(text) ?? [];
    assert.ok(link !== undefined, "no link to the disk");
    say(`proved  /dev/sdf is ${link}, whose serial number is ${serial}`);
    const [, kernel] = /SYSTEM systemd (\S+)/.exec(text) ?? [];
    assert.ok(kernel !== undefined, "no systemd");
    say(`proved  process 1 is systemd on Linux ${kernel}`);
    assert.match(text, /CLOUD aws/);
    say("proved  cloud-init takes it for an instance of EC2");
    assert.match(text, /TAG blue/);
    say("proved  a tag of the instance, read at 169.254.169.254 with a token");
    const { Volumes: volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
    assert.ok(
      volumes.every(({ Attachments = [] }) => Attachments.every((one) => one.InstanceId !== id)),
    );
    say(`proved  shutdown -P in ${id} made it terminated, and took its volume away`);
  } finally {
    ec2.destroy();
  }
}
