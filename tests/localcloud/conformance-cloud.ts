/** What the conformance cases share: a localcloud with short delays, and plain SDK clients for it. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
  type Instance,
  RegisterImageCommand,
  type RegisterImageRequest,
  RunInstancesCommand,
  type RunInstancesRequest,
} from "@aws-sdk/client-ec2";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { STSClient } from "@aws-sdk/client-sts";
import { fromIni } from "@aws-sdk/credential-providers";
import {
  type Localcloud,
  type LocalcloudOptions,
  startLocalcloud,
} from "../../localcloud/localcloud.ts";
import { type PaperMachinery, paperMachinery } from "./paper-machinery.ts";

export interface ConformanceCloud {
  readonly localcloud: Localcloud;
  readonly machinery: PaperMachinery;
  /** A client of an account; region default us-east-1. */
  ec2(profile?: string, region?: string): EC2Client;
  sts(profile?: string, region?: string): STSClient;
  serviceQuotas(profile?: string, region?: string): ServiceQuotasClient;
}

/** Ours: a state that has not come by then never comes. */
const WAIT_LIMIT_MS = 30_000;

/** Started once a test file, closed after it. */
export async function openConformanceCloud(
  delays: LocalcloudOptions["delays"] = {},
): Promise<ConformanceCloud> {
  const machinery = paperMachinery();
  const localcloud = await startLocalcloud({
    machinery,
    delays: {
      instancePending: 10,
      instanceStopping: 10,
      volumeCreating: 5,
      snapshotPending: 10,
      imagePending: 10,
      ...delays,
    },
  });
  const clients: { destroy(): void }[] = [];
  after(async () => {
    for (const client of clients) client.destroy();
    await localcloud.close();
  });
  const options = (profile: string, region: string) => ({
    region,
    endpoint: localcloud.endpoint,
    maxAttempts: 1,
    credentials: fromIni({
      profile,
      ignoreCache: true,
      filepath: localcloud.env.AWS_SHARED_CREDENTIALS_FILE ?? "",
      configFilepath: localcloud.env.AWS_CONFIG_FILE ?? "",
    }),
  });
  const kept = <Client extends { destroy(): void }>(client: Client): Client => {
    clients.push(client);
    return client;
  };
  return {
    localcloud,
    machinery,
    ec2: (profile = "aws-1", region = "us-east-1") => kept(new EC2Client(options(profile, region))),
    sts: (profile = "aws-1", region = "us-east-1") => kept(new STSClient(options(profile, region))),
    serviceQuotas: (profile = "aws-1", region = "us-east-1") =>
      kept(new ServiceQuotasClient(options(profile, region))),
  };
}

/** The code with which a call is refused; a call that works is a failure. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.name;
  }
  throw new assert.AssertionError({ message: "the call was not refused" });
}

/** Polls until there is a value. */
export async function until<Value>(ask: () => Promise<Value | undefined | false>): Promise<Value> {
  const limit = performance.now() + WAIT_LIMIT_MS;
  while (performance.now() < limit) {
    const value = await ask();
    if (value !== undefined && value !== false) return value;
    await sleep(5);
  }
  throw new assert.AssertionError({ message: `nothing came within ${WAIT_LIMIT_MS} ms` });
}

export async function newestHelperImage(ec2: EC2Client, architecture = "arm64"): Promise<string> {
  const { Images: images = [] } = await ec2.send(
    new DescribeImagesCommand({
      Owners: ["amazon"],
      Filters: [
        { Name: "name", Values: ["al2023-ami-2023.*"] },
        { Name: "architecture", Values: [architecture] },
      ],
    }),
  );
  images.sort((a, b) => ((a.CreationDate ?? "") < (b.CreationDate ?? "") ? 1 : -1));
  return images[0]?.ImageId ?? "";
}

export async function launch(
  ec2: EC2Client,
  request: Partial<RunInstancesRequest> = {},
): Promise<Instance> {
  const { Instances: [instance] = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: request.ImageId ?? (await newestHelperImage(ec2)),
      InstanceType: "c7g.large",
      MinCount: 1,
      MaxCount: 1,
      ...request,
    }),
  );
  assert.ok(instance);
  return instance;
}

export async function instanceState(ec2: EC2Client, id: string, state: string): Promise<Instance> {
  return until(async () => {
    const { Reservations: [reservation] = [] } = await ec2.send(
      new DescribeInstancesCommand({ InstanceIds: [id] }),
    );
    const instance = reservation?.Instances?.[0];
    return instance?.State?.Name === state && instance;
  });
}

export async function availableVolume(
  ec2: EC2Client,
  request: Partial<CreateVolumeCommand["input"]> = {},
): Promise<string> {
  const { VolumeId: id = "" } = await ec2.send(
    new CreateVolumeCommand({ AvailabilityZone: "us-east-1a", Size: 1, ...request }),
  );
  await until(async () => {
    const { Volumes: [volume] = [] } = await ec2.send(
      new DescribeVolumesCommand({ VolumeIds: [id] }),
    );
    return volume?.State === "available";
  });
  return id;
}

export async function completedSnapshot(ec2: EC2Client, volumeId?: string): Promise<string> {
  const { SnapshotId: id = "" } = await ec2.send(
    new CreateSnapshotCommand({ VolumeId: volumeId ?? (await availableVolume(ec2)) }),
  );
  await until(async () => {
    const { Snapshots: [snapshot] = [] } = await ec2.send(
      new DescribeSnapshotsCommand({ SnapshotIds: [id] }),
    );
    return snapshot?.State === "completed";
  });
  return id;
}

let imageCount = 0;

/** Registers an image with one root snapshot; the name is a new one. */
export async function registeredImage(
  ec2: EC2Client,
  request: Partial<RegisterImageRequest> = {},
): Promise<string> {
  imageCount += 1;
  const { ImageId: id = "" } = await ec2.send(
    new RegisterImageCommand({
      Name: `conformance-${imageCount}`,
      Architecture: "arm64",
      VirtualizationType: "hvm",
      EnaSupport: true,
      RootDeviceName: "/dev/xvda",
      BlockDeviceMappings: request.BlockDeviceMappings ?? [
        { DeviceName: "/dev/xvda", Ebs: { SnapshotId: await completedSnapshot(ec2) } },
      ],
      ...request,
    }),
  );
  await until(async () => {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    return image?.State === "available";
  });
  return id;
}
