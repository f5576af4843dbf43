/**
 * How a region gets the public images that are there from the start. Their snapshots are their
 * owner's and shared with nobody, as with the real ones: such an image can be launched but its
 * storage cannot be read.
 */

import { newId } from "../ids.ts";
import { makeImage } from "../image-making.ts";
import { everyone, nobody } from "../sharing.ts";
import { State } from "../states.ts";
import type { Store } from "../store.ts";
import { type Billing, PLAIN_LINUX } from "./billing.ts";

export interface ImageSeed {
  readonly name: string;
  readonly description: string;
  readonly createdAt: Date;
  /** Not deprecated yet; all others have been for long. */
  readonly newest: boolean;
  readonly architecture: string;
  readonly rootDeviceName: string;
  readonly rootSizeGib: number;
  readonly bootMode?: string;
  readonly tpmSupport?: string;
  readonly imdsSupport?: string;
  readonly billing?: Billing;
  /** @default the store's account */
  readonly ownerId?: string;
}

const DEPRECATED_AFTER_MS = 90 * 24 * 3600_000;

export function seedImage(store: Store, seed: ImageSeed): void {
  const { createdAt, newest, rootSizeGib, billing = PLAIN_LINUX } = seed;
  const ownerId = seed.ownerId ?? store.accountId;
  const snapshotId = newId("snap");
  store.snapshots.set(snapshotId, {
    id: snapshotId,
    tags: new Map(),
    ownerId,
    volumeId: "vol-ffffffff",
    description: "",
    sizeGib: rootSizeGib,
    encrypted: false,
    kmsKeyArn: undefined,
    billing,
    startedAt: createdAt,
    completedAt: createdAt,
    state: new State("completed", 0),
    stateMessage: undefined,
    storageTier: "standard",
    path: undefined,
    fullSizeBytes: 0,
    createVolume: nobody(),
  });
  const image = makeImage({
    ownerId,
    ownerAlias: "amazon",
    name: seed.name,
    description: seed.description,
    architecture: seed.architecture,
    rootDeviceName: seed.rootDeviceName,
    bootMode: seed.bootMode,
    tpmSupport: seed.tpmSupport,
    imdsSupport: seed.imdsSupport,
    enaSupport: true,
    sriovNetSupport: "simple",
    billing,
    mappings: [
      {
        DeviceName: seed.rootDeviceName,
        Ebs: {
          SnapshotId: snapshotId,
          VolumeSize: rootSizeGib,
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
    launch: everyone(),
    deprecationTime: newest
      ? new Date(Date.now() + DEPRECATED_AFTER_MS)
      : new Date(createdAt.getTime() + DEPRECATED_AFTER_MS),
  });
  store.images.set(image.id, image);
}

/** Without EBS at all, as there still are: it cannot be copied. */
export function seedInstanceStoreImage(
  store: Store,
  seed: Pick<ImageSeed, "name" | "description" | "createdAt">,
): void {
  const image = makeImage({
    ...seed,
    ownerId: store.accountId,
    ownerAlias: "amazon",
    architecture: "x86_64",
    rootDeviceName: "/dev/sda1",
    rootDeviceType: "instance-store",
    enaSupport: true,
    sriovNetSupport: "simple",
    mappings: [],
    state: new State("available", 0),
    launch: everyone(),
  });
  store.images.set(image.id, image);
}
