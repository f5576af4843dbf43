import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import {
  AttachVolumeCommand,
  CreateImageCommand,
  CreateSnapshotCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
  EC2Client,
  GetConsoleOutputCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { startLocalcloud } from "../../localcloud/localcloud.ts";
import {
  availableVolume,
  instanceState,
  launch,
  newestHelperImage,
  until,
} from "./conformance-cloud.ts";
import { paperMachinery } from "./paper-machinery.ts";
import { makePrivateNetwork } from "./private-network.ts";

const delays = { instancePending: 5, instanceStopping: 5, volumeCreating: 5, snapshotPending: 5 };

function source(cloud: { endpoint: string; env: Readonly<Record<string, string>> }): EC2Client {
  return new EC2Client({
    region: "us-east-1",
    endpoint: cloud.endpoint,
    maxAttempts: 1,
    credentials: {
      accessKeyId: cloud.env.SOURCE_AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: cloud.env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "",
    },
  });
}

test("a person's disks go in as an image, through a real instance, and out of a snapshot", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "localcloud-test-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const cloud = await startLocalcloud({ delays });
  t.after(() => cloud.close());
  const ec2 = source(cloud);
  t.after(() => ec2.destroy());
  const raw = join(directory, "disk.raw");
  await writeFile(raw, "bytes of a person");
  const image = await cloud.importImage({
    region: "us-east-1",
    name: "imported",
    disks: [{ deviceName: "/dev/xvda", path: raw }],
  });
  const { Images: [shown] = [] } = await ec2.send(
    new DescribeImagesCommand({ ImageIds: [image.imageId] }),
  );
  assert.equal(shown?.State, "available");
  const script = [
    "#!/bin/sh",
    "printf READ:; head -c 17 $HOST_DEV/sdf; echo",
    "printf 'bytes of an instance' | dd of=$HOST_DEV/sdf conv=notrunc status=none",
    "shutdown -P now",
  ];
  const { InstanceId: id = "" } = await launch(ec2, {
    ImageId: await newestHelperImage(ec2),
    UserData: Buffer.from(`${script.join("\n")}\n`).toString("base64"),
    InstanceInitiatedShutdownBehavior: "stop",
    BlockDeviceMappings: [
      { DeviceName: "/dev/sdf", Ebs: { SnapshotId: image.snapshotIds[0] ?? "" } },
    ],
  });
  const stopped = await instanceState(ec2, id, "stopped");
  const { Output: output = "" } = await ec2.send(new GetConsoleOutputCommand({ InstanceId: id }));
  assert.match(Buffer.from(output, "base64").toString(), /READ:bytes of a person/);
  const volume = stopped.BlockDeviceMappings?.find((one) => one.DeviceName === "/dev/sdf");
  const { SnapshotId: snapshotId = "" } = await ec2.send(
    new CreateSnapshotCommand({ VolumeId: volume?.Ebs?.VolumeId ?? "" }),
  );
  await until(async () => {
    const ids = new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] });
    return (await ec2.send(ids)).Snapshots?.[0]?.State === "completed";
  });
  const path = join(directory, "out.raw");
  await cloud.exportSnapshot({ region: "us-east-1", snapshotId, path });
  const file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(20), 0, 20, 0);
  await file.close();
  assert.equal(buffer.toString(), "bytes of an instance");
});

test("a volume attached to a running instance is a disk there, and gone when detached", async (t) => {
  const cloud = await startLocalcloud({ delays });
  t.after(() => cloud.close());
  const ec2 = source(cloud);
  t.after(() => ec2.destroy());
  const script = [
    "#!/bin/sh",
    "until test -e $HOST_DEV/sdf; do sleep 0.02; done; echo CAME",
    "until test ! -e $HOST_DEV/sdf; do sleep 0.02; done; echo WENT",
  ];
  const { InstanceId: id = "" } = await launch(ec2, {
    UserData: Buffer.from(`${script.join("\n")}\n`).toString("base64"),
  });
  await instanceState(ec2, id, "running");
  const says = (word: string) =>
    until(async () => {
      const latest = new GetConsoleOutputCommand({ InstanceId: id, Latest: true });
      const { Output: output = "" } = await ec2.send(latest);
      return Buffer.from(output, "base64").toString().includes(word);
    });
  const volume = { VolumeId: await availableVolume(ec2) };
  await ec2.send(new AttachVolumeCommand({ ...volume, InstanceId: id, Device: "/dev/sdf" }));
  await says("CAME");
  await ec2.send(new DetachVolumeCommand(volume));
  await says("WENT");
});

test("the listing shows what was made, by account and region, and nothing that was there before", async (t) => {
  const cloud = await startLocalcloud({ delays, machinery: paperMachinery() });
  t.after(() => cloud.close());
  const ec2 = source(cloud);
  t.after(() => ec2.destroy());
  assert.deepEqual(await cloud.list(), { regions: [] });
  await ec2.send(new DescribeInstancesCommand({}));
  assert.deepEqual(await cloud.list(), { regions: [] });
  const { InstanceId: id = "" } = await launch(ec2, {
    TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "a", Value: "b" }] }],
  });
  await instanceState(ec2, id, "running");
  const { regions: [region] = [] } = await cloud.list();
  assert.equal(region?.profile, "aws-1");
  assert.equal(region?.region, "us-east-1");
  assert.deepEqual(
    region?.things.map((one) => [one.kind, one.state, one.tags]),
    [
      ["volume", "in-use", {}],
      ["instance", "running", { a: "b" }],
    ],
  );
});

test("closing ends what runs and removes the directory, also in the middle of a boot", async () => {
  const cloud = await startLocalcloud({ delays: { instancePending: 60_000 } });
  const ec2 = source(cloud);
  const directory = dirname(cloud.env.AWS_CONFIG_FILE ?? "");
  await launch(ec2);
  ec2.destroy();
  assert.ok(existsSync(directory));
  await cloud.close();
  await cloud.close();
  assert.ok(!existsSync(directory));
  await assert.rejects(fetch(cloud.endpoint));
});

test("a directory that was there stays, emptied; one with other things is not used", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "localcloud-test-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const cloud = await startLocalcloud({ directory });
  await assert.rejects(startLocalcloud({ directory }), /not empty, or another localcloud's/);
  await cloud.close();
  assert.deepEqual(await readdir(directory), []);
  await writeFile(join(directory, "precious"), "");
  await assert.rejects(startLocalcloud({ directory }), /not empty/);
  assert.deepEqual(await readdir(directory), ["precious"]);
});

test("what a killed localcloud left is removed by the next", async (t) => {
  const program = `
    const { startLocalcloud } = await import(${JSON.stringify(new URL("../../localcloud/localcloud.ts", import.meta.url).href)});
    const cloud = await startLocalcloud();
    console.log(cloud.env.AWS_CONFIG_FILE);
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  const directory = dirname(String(line).trim());
  assert.ok(existsSync(directory));
  child.kill("SIGKILL");
  await once(child, "exit");
  const next = await startLocalcloud();
  await next.close();
  assert.ok(!existsSync(directory));
});

test("no secret is in the configuration file, and the credentials are the owner's only", async (t) => {
  const cloud = await startLocalcloud();
  t.after(() => cloud.close());
  const config = await readFile(cloud.env.AWS_CONFIG_FILE ?? "", "utf8");
  assert.ok(!config.includes(cloud.env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "?"));
  assert.match(config, /\[profile aws-us-gov-2\]/);
  assert.equal(cloud.env.AWS_REGION, undefined);
});

test("a launch with no default image parameter is refused and leaves no volume", async (t) => {
  const cloud = await startLocalcloud({ delays, machinery: paperMachinery() });
  t.after(() => cloud.close());
  const ec2 = source(cloud);
  t.after(() => ec2.destroy());
  const call = ec2.send(new RunInstancesCommand({ MinCount: 1, MaxCount: 1 }));
  await assert.rejects(call, { name: "MissingParameter" });
  assert.deepEqual(await cloud.list(), { regions: [] });
});

test("whom a machine in a private subnet calls sees its NAT gateway", async (t) => {
  const cloud = await startLocalcloud({ delays });
  t.after(() => cloud.close());
  const ec2 = source(cloud);
  t.after(() => ec2.destroy());
  const { natAddress, privateSubnetId: SubnetId } = await makePrivateNetwork(ec2, "us-east-1a");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const called = once(server, "connection");
  const program = `
    const base = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;
    const lifetime = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };
    const put = await fetch(base + "/latest/api/token", { method: "PUT", headers: lifetime });
    const headers = { "X-aws-ec2-metadata-token": await put.text() };
    const own = await fetch(base + "/latest/meta-data/local-ipv4", { headers });
    const { connect } = await import("node:net");
    connect({ host: "127.0.0.1", port: ${(server.address() as AddressInfo).port}, localAddress: await own.text() });`;
  const script = `#!/bin/sh\nnode --input-type=module -e '${program}'\n`;
  await launch(ec2, { SubnetId, UserData: Buffer.from(script).toString("base64") });
  const [socket] = (await called) as [Socket];
  assert.equal(socket.remoteAddress, natAddress);
  socket.destroy();
});

test("a running machine is stopped and booted again for an image of it", async (t) => {
  const cloud = await startLocalcloud({ delays });
  t.after(() => cloud.close());
  const ec2 = source(cloud);
  t.after(() => ec2.destroy());
  const script = [
    "#!/bin/sh",
    "printf 'written before' | dd of=$HOST_DEV/sdf conv=notrunc status=none",
    "echo WRITTEN; sleep 600",
  ];
  const { InstanceId: id = "" } = await launch(ec2, {
    UserData: Buffer.from(`${script.join("\n")}\n`).toString("base64"),
    BlockDeviceMappings: [{ DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1 } }],
  });
  await until(async () => {
    const latest = new GetConsoleOutputCommand({ InstanceId: id, Latest: true });
    const { Output: output = "" } = await ec2.send(latest);
    return Buffer.from(output, "base64").toString().includes("WRITTEN");
  });
  const { ImageId: imageId = "" } = await ec2.send(
    new CreateImageCommand({ InstanceId: id, Name: "of a running machine" }),
  );
  const image = await until(async () => {
    const ids = new DescribeImagesCommand({ ImageIds: [imageId] });
    const one = (await ec2.send(ids)).Images?.[0];
    return one?.State === "available" && one;
  });
  const data = image.BlockDeviceMappings?.find((one) => one.DeviceName === "/dev/sdf");
  const path = join(dirname(cloud.env.AWS_CONFIG_FILE ?? ""), "data.raw");
  const snapshotId = data?.Ebs?.SnapshotId ?? "";
  await cloud.exportSnapshot({ region: "us-east-1", snapshotId, path });
  const file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(14), 0, 14, 0);
  await file.close();
  assert.equal(buffer.toString(), "written before");
  await instanceState(ec2, id, "running");
});
