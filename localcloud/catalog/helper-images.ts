/**
 * Amazon's public images in every region: what a helper boots from, with neighbours that it should
 * not take (older, minimal, another kernel). Their snapshots are Amazon's own and shared with
 * nobody, as with the real ones: such an image can be launched but its storage cannot be read.
 */

import { newId } from "../ids.ts";
import type { ImageRecord } from "../records.ts";
import { nobody } from "../sharing.ts";
import { State } from "../states.ts";
import type { Store } from "../store.ts";

/** name without architecture, creation date. Amazon deprecates each after 90 days. */
const IMAGES: readonly (readonly [string, string])[] = [
  ["al2023-ami-2023.8.20260701.0-kernel-6.1", "2026-07-01T22:11:03.000Z"],
  ["al2023-ami-2023.9.20261015.0-kernel-6.18", "2026-10-15T21:40:12.000Z"],
  ["al2023-ami-2023.9.20261101.0-kernel-6.18", "2026-11-01T22:02:57.000Z"],
  ["al2023-ami-minimal-2023.9.20261101.0-kernel-6.18", "2026-11-01T22:03:44.000Z"],
];
const DEPRECATED_AFTER_MS = 90 * 24 * 3600_000;
/** The newest are never deprecated here, whatever the year is in which localcloud runs. */
const NEWEST = "2023.9.20261101";
const ROOT_SIZE_GIB = 8;

export function seedImages(store: Store): void {
  for (const [baseName, date] of IMAGES) {
    for (const architecture of ["arm64", "x86_64"]) {
      seedImage(store, { baseName, createdAt: new Date(date), architecture });
    }
  }
  seedInstanceStoreImage(store);
}

/** Without EBS at all, as there still are: it cannot be copied. */
function seedInstanceStoreImage(store: Store): void {
  const image: ImageRecord = {
    id: newId("ami"),
    tags: new Map(),
    ownerId: store.accountId,
    name: "amzn-ami-hvm-2018.03.0.20181129-x86_64-s3",
    description: "Amazon Linux AMI 2018.03.0.20181129 x86_64 HVM S3",
    architecture: "x86_64",
    virtualizationType: "hvm",
    rootDeviceName: "/dev/sda1",
    rootDeviceType: "instance-store",
    bootMode: undefined,
    tpmSupport: undefined,
    uefiData: undefined,
    imdsSupport: undefined,
    enaSupport: true,
    sriovNetSupport: "simple",
    mappings: [],
    createdAt: new Date("2018-11-29T19:32:10.000Z"),
    state: new State("available", 0),
    sourceImageId: undefined,
    sourceImageRegion: undefined,
    launch: { accountIds: new Set(), everyone: true },
    deprecationTime: undefined,
    disabled: false,
    deregistered: false,
  };
  store.images.set(image.id, image);
}

function seedImage(
  store: Store,
  seed: { readonly baseName: string; readonly createdAt: Date; readonly architecture: string },
): void {
  const { createdAt, architecture } = seed;
  const ownerId = store.accountId;
  const snapshotId = newId("snap");
  store.snapshots.set(snapshotId, {
    id: snapshotId,
    tags: new Map(),
    ownerId,
    volumeId: "vol-ffffffff",
    description: "",
    sizeGib: ROOT_SIZE_GIB,
    encrypted: false,
    kmsKeyArn: undefined,
    startedAt: createdAt,
    completedAt: createdAt,
    state: new State("completed", 0),
    path: undefined,
    fullSizeBytes: 0,
    createVolume: nobody(),
  });
  const image: ImageRecord = {
    id: newId("ami"),
    tags: new Map(),
    ownerId,
    name: `${seed.baseName}-${architecture}`,
    description: `Amazon Linux 2023 AMI ${seed.baseName} ${architecture} HVM`,
    architecture,
    virtualizationType: "hvm",
    rootDeviceName: "/dev/xvda",
    rootDeviceType: "ebs",
    bootMode: architecture === "arm64" ? "uefi" : "uefi-preferred",
    tpmSupport: undefined,
    uefiData: undefined,
    imdsSupport: "v2.0",
    enaSupport: true,
    sriovNetSupport: "simple",
    mappings: [
      {
        DeviceName: "/dev/xvda",
        Ebs: {
          SnapshotId: snapshotId,
          VolumeSize: ROOT_SIZE_GIB,
          VolumeType: "gp3",
          Iops: 3000,
          Throughput: 125,
          DeleteOnTermination: true,
          Encrypted: false,
        },
      },
    ],
    createdAt,
    state: new State("available", 0),
    sourceImageId: undefined,
    sourceImageRegion: undefined,
    launch: { accountIds: new Set(), everyone: true },
    deprecationTime: seed.baseName.includes(NEWEST)
      ? new Date(Date.now() + DEPRECATED_AFTER_MS)
      : new Date(createdAt.getTime() + DEPRECATED_AFTER_MS),
    disabled: false,
    deregistered: false,
  };
  store.images.set(image.id, image);
}
