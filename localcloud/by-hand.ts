/** What a person does to a localcloud without the AWS API: import an image, export a snapshot, look. */

import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BlockDeviceMapping } from "@aws-sdk/client-ec2";
import { type Account, AMAZON_ACCOUNT_ID } from "./accounts.ts";
import { checkImageName } from "./actions/images.ts";
import { checkDeviceName } from "./actions/instance-lookup.ts";
import {
  AdminError,
  type ExportedSnapshot,
  type ExportSnapshotRequest,
  type ImportedImage,
  type ImportImageRequest,
  type ListedRegion,
  type ListedThing,
  type Listing,
} from "./admin.ts";
import { Call } from "./call.ts";
import { findRegion } from "./catalog/regions.ts";
import { newId } from "./ids.ts";
import type { SnapshotRecord } from "./records.ts";
import { nobody } from "./sharing.ts";
import { State } from "./states.ts";
import type { Cloud, Store } from "./store.ts";

const GIB_BYTES = 1024 ** 3;

/** Registers an image whose disks are a person's files. It is available at once. */
export async function importImage(
  cloud: Cloud,
  request: ImportImageRequest,
): Promise<ImportedImage> {
  const { account, store } = findPlace(cloud, request);
  const place = findRegion(request.region);
  if (place === undefined) throw new AdminError(400, `there is no region ${request.region}`);
  const id = newId("ami");
  const name = request.name ?? `imported-${id.slice(-8)}`;
  const caller = { account, arn: "", userId: "" };
  const call = new Call(cloud, caller, place.region, false);
  checkImageName(call, name);
  const names = request.disks.map((disk) => disk.deviceName);
  for (const deviceName of names) checkDeviceName(deviceName);
  if (new Set(names).size !== names.length) {
    throw new AdminError(400, `a device is named twice: ${names.join(", ")}`);
  }
  const snapshots = await importDisks(call, request.disks, name);
  for (const snapshot of snapshots) store.snapshots.set(snapshot.id, snapshot);
  store.images.set(id, {
    id,
    tags: new Map(),
    ownerId: account.id,
    name,
    description: undefined,
    architecture: request.architecture ?? "x86_64",
    virtualizationType: "hvm",
    rootDeviceName: names[0] ?? "",
    rootDeviceType: "ebs",
    bootMode: undefined,
    tpmSupport: undefined,
    uefiData: undefined,
    imdsSupport: undefined,
    enaSupport: true,
    sriovNetSupport: "simple",
    mappings: snapshots.map((snapshot, i) => mappingOf(snapshot, names[i] ?? "", i === 0)),
    createdAt: new Date(cloud.now()),
    state: new State("available", cloud.now()),
    sourceImageId: undefined,
    sourceImageRegion: undefined,
    launch: nobody(),
    deprecationTime: undefined,
    disabled: false,
    deregistered: false,
  });
  return {
    imageId: id,
    name,
    account: account.id,
    region: request.region,
    snapshotIds: snapshots.map((one) => one.id),
  };
}

function mappingOf(
  snapshot: SnapshotRecord,
  deviceName: string,
  root: boolean,
): BlockDeviceMapping {
  return {
    DeviceName: deviceName,
    Ebs: {
      SnapshotId: snapshot.id,
      VolumeSize: snapshot.sizeGib,
      VolumeType: "gp3",
      Iops: 3000,
      Throughput: 125,
      DeleteOnTermination: root,
      Encrypted: false,
    },
  };
}

/** All or none. */
async function importDisks(
  call: Call,
  disks: ImportImageRequest["disks"],
  imageName: string,
): Promise<SnapshotRecord[]> {
  const snapshots: SnapshotRecord[] = [];
  try {
    for (const { path, deviceName } of disks) {
      snapshots.push(await importDisk(call, path, `${imageName} ${deviceName}`));
    }
  } catch (error) {
    for (const { path } of snapshots) if (path !== undefined) await rm(path, { force: true });
    throw error;
  }
  return snapshots;
}

async function importDisk(call: Call, file: string, description: string): Promise<SnapshotRecord> {
  const { cloud } = call;
  const id = newId("snap");
  const path = join(cloud.directory, "snapshots", id);
  const sizeBytes = await cloud.machinery.importDisk(file, path);
  return {
    id,
    tags: new Map(),
    ownerId: call.account.id,
    volumeId: "vol-ffffffff",
    description,
    sizeGib: sizeBytes / GIB_BYTES,
    encrypted: false,
    kmsKeyArn: undefined,
    startedAt: call.now,
    completedAt: call.now,
    state: new State("completed", call.nowMs),
    path,
    fullSizeBytes: (await stat(path)).blocks * 512,
    createVolume: nobody(),
  };
}

/** The bytes of a completed snapshot as a raw file. */
export async function exportSnapshot(
  cloud: Cloud,
  request: ExportSnapshotRequest,
): Promise<ExportedSnapshot> {
  const { account, store } = findPlace(cloud, request);
  const snapshot = store.snapshots.get(request.snapshotId);
  if (snapshot === undefined) {
    throw new AdminError(
      404,
      `there is no snapshot ${request.snapshotId} of ${account.profile} in ${request.region}`,
    );
  }
  const state = snapshot.state.at(cloud.now());
  if (state !== "completed") {
    throw new AdminError(409, `the snapshot ${snapshot.id} is ${state}, not completed`);
  }
  const sizeBytes = snapshot.sizeGib * GIB_BYTES;
  if (snapshot.path === undefined) await cloud.machinery.createDisk(request.path, sizeBytes);
  else await cloud.machinery.exportDisk(snapshot.path, request.path);
  return { sizeBytes };
}

function findPlace(
  cloud: Cloud,
  request: { readonly region: string; readonly account?: string },
): { account: Account; store: Store } {
  const place = findRegion(request.region);
  if (place === undefined) throw new AdminError(400, `there is no region ${request.region}`);
  const here = cloud.accounts.all.filter((one) => one.partition === place.partition.name);
  const account =
    request.account === undefined
      ? here[0]
      : here.find((one) => one.id === request.account || one.profile === request.account);
  if (account === undefined) {
    const known = here.map((one) => `${one.profile} (${one.id})`).join(", ");
    throw new AdminError(
      400,
      `the partition ${place.partition.name} has no account ${request.account}: it has ${known}`,
    );
  }
  return { account, store: cloud.store(account.id, request.region) };
}

/** Everything that somebody made, and that is still there (terminated instances too). */
export function list(cloud: Cloud): Listing {
  const regions = cloud
    .allStores()
    .filter((store) => store.accountId !== AMAZON_ACCOUNT_ID)
    .map((store): ListedRegion => {
      const account = cloud.accounts.find(store.accountId, store.partition.name);
      return {
        account: store.accountId,
        profile: account?.profile ?? "",
        partition: store.partition.name,
        region: store.region.name,
        things: listThings(store, cloud.now()),
      };
    });
  return { regions: regions.filter((region) => region.things.length > 0) };
}

function listThings(store: Store, nowMs: number): ListedThing[] {
  const thing = (
    kind: string,
    one: { readonly id: string; readonly tags: ReadonlyMap<string, string> },
    state: string,
    details: Readonly<Record<string, string | number>>,
  ): ListedThing => ({ kind, id: one.id, state, tags: Object.fromEntries(one.tags), details });
  const groups = [...store.groups.values()].filter((group) => group.name !== "default");
  return [
    ...[...store.images.values()]
      .filter((image) => !image.deregistered)
      .map((image) =>
        thing("image", image, image.disabled ? "disabled" : image.state.at(nowMs), {
          name: image.name,
        }),
      ),
    ...[...store.snapshots.values()].map((one) =>
      thing("snapshot", one, one.state.at(nowMs), { sizeGib: one.sizeGib }),
    ),
    ...[...store.volumes.values()].map((one) =>
      thing("volume", one, one.state.at(nowMs), {
        sizeGib: one.sizeGib,
        ...(one.attachment === undefined ? {} : { instance: one.attachment.instanceId }),
      }),
    ),
    ...[...store.instances.values()].map((one) =>
      thing("instance", one, one.state.at(nowMs), {
        type: one.type.name,
        address: one.networkInterface.privateAddress,
      }),
    ),
    ...groups.map((group) => thing("security-group", group, "", { name: group.name })),
  ];
}
