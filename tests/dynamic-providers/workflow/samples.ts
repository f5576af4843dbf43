/** Things as EC2 would describe them, to be varied by a test. */

import type { Image } from "../../../dynamic-providers/ec2/image.ts";
import type { Instance } from "../../../dynamic-providers/ec2/instance.ts";
import type { Snapshot } from "../../../dynamic-providers/ec2/snapshot.ts";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";

export function sampleImage(changes: Partial<Image> = {}): Image {
  return {
    imageId: "ami-0123456789abcdef0",
    name: "golden",
    description: "a golden image",
    ownerId: "111111111111",
    state: "available",
    architecture: "arm64",
    virtualizationType: "hvm",
    rootDeviceType: "ebs",
    rootDeviceName: "/dev/xvda",
    bootMode: "uefi",
    imdsSupport: "v2.0",
    enaSupport: true,
    creationDate: "2026-11-01T00:00:00.000Z",
    productCodes: [],
    watermarks: [],
    blockDevices: [
      {
        kind: "snapshot",
        deviceName: "/dev/xvda",
        snapshotId: "snap-00000000000000001",
        volumeSizeGib: 8,
        volumeType: "gp3",
        deleteOnTermination: true,
      },
    ],
    tags: { Name: "golden", "aws:cloudformation:stack": "s" },
    ...changes,
  };
}

export function sampleSnapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    snapshotId: "snap-00000000000000001",
    state: "completed",
    progressPercent: 100,
    ownerId: "111111111111",
    volumeSizeGib: 8,
    encrypted: false,
    description: "root",
    tags: {},
    ...changes,
  };
}

export function sampleInstance(changes: Partial<Instance> = {}): Instance {
  return {
    instanceId: "i-00000000000000001",
    imageId: "ami-00000000000000001",
    state: "running",
    instanceType: "c7g.large",
    availabilityZone: "us-east-1a",
    privateAddress: "10.0.0.1",
    publicAddress: "192.0.2.1",
    launchedAt: "2026-11-24T00:00:00.000Z",
    volumes: [],
    tags: {},
    ...changes,
  };
}

export function sampleRequest(changes: Partial<CopyRequest> = {}): CopyRequest {
  return {
    sourceAmiId: "ami-0123456789abcdef0",
    source: { region: "us-east-1" },
    destination: { region: "us-gov-west-1" },
    tags: {},
    copyTags: true,
    helper: { source: {}, destination: {} },
    temporaryNamePrefix: "amicopy",
    timeoutMinutes: 60,
    ...changes,
  };
}

/** An EC2 of which only these verbs may be called; every other one fails the test. */
export function onlyVerbs<Verbs extends object>(verbs: Verbs): never {
  return new Proxy(verbs, {
    get(target, name) {
      if (name in target) return Reflect.get(target, name);
      if (name === "region") return "us-east-1";
      throw new Error(`unexpected call: ${String(name)}`);
    },
  }) as never;
}
