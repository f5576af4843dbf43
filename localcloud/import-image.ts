/** Registers an image whose disks are a person's files. It is available at once. */

import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BlockDeviceMapping } from "@aws-sdk/client-ec2";
import { checkImageName } from "./actions/image-name.ts";
import { checkDeviceName } from "./actions/instance-lookup.ts";
import { AdminError, type ImportedImage, type ImportImageRequest } from "./admin.ts";
import { Call } from "./call.ts";
import { type Billing, billingOf } from "./catalog/billing.ts";
import { findKey } from "./encryption.ts";
import { newId } from "./ids.ts";
import type {
  ImageDescription,
  MappingDescription,
  SnapshotDescription,
} from "./image-description.ts";
import { makeImage } from "./image-making.ts";
import { findPlace } from "./place.ts";
import type { Sharing } from "./records/sharing.ts";
import type { SnapshotRecord } from "./records/snapshot.ts";
import { nobody } from "./sharing.ts";
import { State } from "./states.ts";
import type { Cloud } from "./store.ts";

const GIB_BYTES = 1024 ** 3;

export async function importImage(
  cloud: Cloud,
  request: ImportImageRequest,
): Promise<ImportedImage> {
  const { account, region, store } = findPlace(cloud, request);
  const { describe = {} } = request;
  const name = request.name ?? `imported-${newId("ami").slice(-8)}`;
  const call = new Call(cloud, { account, arn: "", userId: "" }, region, false);
  checkImageName(call, name);
  const names = request.disks.map((disk) => disk.deviceName);
  checkNames(names, describe);
  const billing = billingOf(describe.usageOperation ?? "RunInstances", describe.productCodes);
  const snapshots = await importDisks(call, request, { imageName: name, billing });
  for (const snapshot of snapshots.values()) store.snapshots.set(snapshot.id, snapshot);
  const image = makeImage({
    ...pickFacts(describe),
    tags: new Map(Object.entries(describe.tags ?? {})),
    ownerId: account.id,
    name,
    architecture: request.architecture ?? "x86_64",
    rootDeviceName: describe.rootDeviceName ?? names[0] ?? "",
    billing,
    mappings: makeMappings(names, snapshots, describe),
    createdAt: new Date(cloud.now()),
    state: new State("available", cloud.now()),
    launch: makeSharing(describe.launchPermission),
    watermarks: (describe.watermarks ?? []).map((key) => ({
      key: key.includes(":") ? key : `${account.id}:${key}`,
      attachedAt: call.now,
      imageId: "",
      regionName: request.region,
    })),
  });
  store.images.set(image.id, image);
  return {
    imageId: image.id,
    name,
    account: account.id,
    region: request.region,
    snapshotIds: names.flatMap((deviceName) => snapshots.get(deviceName)?.id ?? []),
  };
}

function checkNames(names: readonly string[], describe: ImageDescription): void {
  for (const deviceName of names) checkDeviceName(deviceName);
  if (new Set(names).size !== names.length) {
    throw new AdminError(400, `a device is named twice: ${names.join(", ")}`);
  }
  const mentioned = [
    ...Object.keys(describe.snapshots ?? {}),
    ...(describe.mappings ?? []).flatMap((one) => one.disk ?? []),
  ];
  const unknown = mentioned.find((one) => !names.includes(one));
  if (unknown !== undefined) {
    throw new AdminError(400, `${unknown} is described, but there is no disk of that name`);
  }
}

/** What goes into the record as it is. */
function pickFacts(describe: ImageDescription) {
  const { ownerAlias, description, virtualizationType, kernelId, ramdiskId } = describe;
  const { bootMode, tpmSupport, uefiData, imdsSupport, disabled } = describe;
  const { instanceTypes: types, deprecationTime, deregistrationProtection: state } = describe;
  const paravirtual = virtualizationType === "paravirtual";
  const { enaSupport = !paravirtual } = describe;
  const { sriovNetSupport = paravirtual ? null : "simple" } = describe;
  return {
    ...{ ownerAlias, description, kernelId, ramdiskId, bootMode, tpmSupport, uefiData },
    ...{ imdsSupport, enaSupport },
    virtualizationType: virtualizationType ?? "hvm",
    sriovNetSupport: sriovNetSupport ?? undefined,
    disabled: disabled ?? false,
    deprecationTime: deprecationTime === undefined ? undefined : new Date(deprecationTime),
    protection: { state: state ?? "disabled" } as const,
    instanceTypes:
      types === undefined
        ? undefined
        : { supported: types.supported ?? [], unsupported: types.unsupported ?? [] },
  };
}

function makeMappings(
  names: readonly string[],
  snapshots: ReadonlyMap<string, SnapshotRecord>,
  describe: ImageDescription,
): BlockDeviceMapping[] {
  const wished = describe.mappings ?? names.map((name) => ({ deviceName: name, disk: name }));
  const root = describe.rootDeviceName ?? names[0];
  return wished.map((one: MappingDescription) => {
    checkDeviceName(one.deviceName);
    if (one.virtualName !== undefined) {
      return { DeviceName: one.deviceName, VirtualName: one.virtualName };
    }
    return mappingOf(one, snapshots.get(one.disk ?? ""), one.deviceName === root);
  });
}

function mappingOf(
  wish: MappingDescription,
  snapshot: SnapshotRecord | undefined,
  root: boolean,
): BlockDeviceMapping {
  const { volumeType: type = "gp3", iops, throughput } = wish;
  const sizeGib = wish.sizeGib ?? snapshot?.sizeGib;
  if (sizeGib === undefined) {
    throw new AdminError(400, `the mapping of ${wish.deviceName} needs a disk or a sizeGib`);
  }
  const speed = type === "gp3" ? { Iops: iops ?? 3000, Throughput: throughput ?? 125 } : {};
  return {
    DeviceName: wish.deviceName,
    Ebs: {
      ...(snapshot === undefined ? {} : { SnapshotId: snapshot.id }),
      VolumeSize: sizeGib,
      VolumeType: type,
      ...(iops === undefined ? {} : { Iops: iops }),
      ...speed,
      DeleteOnTermination: wish.deleteOnTermination ?? root,
      Encrypted: snapshot?.encrypted ?? wish.encrypted ?? false,
      ...(wish.outpostArn === undefined ? {} : { OutpostArn: wish.outpostArn }),
    },
  };
}

/** All or none; by the names of their devices. */
async function importDisks(
  call: Call,
  { disks, describe = {} }: ImportImageRequest,
  image: { readonly imageName: string; readonly billing: Billing },
): Promise<Map<string, SnapshotRecord>> {
  const snapshots = new Map<string, SnapshotRecord>();
  try {
    for (const [i, { path, deviceName }] of disks.entries()) {
      const words: SnapshotDescription = {
        description: `${image.imageName} ${deviceName}`,
        ...describe.snapshots?.[deviceName],
      };
      const billing = words.usageOperation
        ? billingOf(words.usageOperation)
        : i === 0
          ? image.billing
          : undefined;
      snapshots.set(deviceName, await importDisk(call, path, { words, billing }));
    }
  } catch (error) {
    for (const { path } of snapshots.values()) {
      if (path !== undefined) await rm(path, { force: true });
    }
    throw error;
  }
  return snapshots;
}

async function importDisk(
  call: Call,
  file: string,
  about: { readonly words: SnapshotDescription; readonly billing: Billing | undefined },
): Promise<SnapshotRecord> {
  const { cloud } = call;
  const { words } = about;
  const key = words.kmsKeyId === undefined ? undefined : findKey(call, words.kmsKeyId);
  if (words.kmsKeyId !== undefined && key === undefined) {
    throw new AdminError(400, `there is no key ${words.kmsKeyId} that the account can use`);
  }
  const id = newId("snap");
  const path = join(cloud.directory, "snapshots", id);
  const sizeBytes = await cloud.machinery.importDisk(file, path);
  return {
    id,
    tags: new Map(Object.entries(words.tags ?? {})),
    ownerId: call.account.id,
    volumeId: "vol-ffffffff",
    description: words.description ?? "",
    sizeGib: sizeBytes / GIB_BYTES,
    encrypted: key !== undefined,
    kmsKeyArn: key?.arn,
    billing: about.billing,
    startedAt: call.now,
    completedAt: call.now,
    state: new State("completed", call.nowMs),
    stateMessage: undefined,
    storageTier: words.archived === true ? "archive" : "standard",
    path,
    fullSizeBytes: (await stat(path)).blocks * 512,
    createVolume: makeSharing(words.createVolumePermission),
  };
}

function makeSharing(
  wish:
    | {
        readonly accountIds?: readonly string[] | undefined;
        readonly organizationArns?: readonly string[] | undefined;
        readonly everyone?: boolean | undefined;
      }
    | undefined,
): Sharing {
  return {
    ...nobody(),
    accountIds: new Set(wish?.accountIds),
    organizationArns: new Set(wish?.organizationArns),
    everyone: wish?.everyone ?? false,
  };
}
