/** A new image with everything that is usual, over which its maker says what is not. */

import { PLAIN_LINUX } from "./catalog/billing.ts";
import { newId } from "./ids.ts";
import type { ImageRecord } from "./records/image.ts";
import { nobody } from "./sharing.ts";

export type ImageFacts = Pick<
  ImageRecord,
  "ownerId" | "name" | "architecture" | "rootDeviceName" | "mappings" | "createdAt" | "state"
> &
  Partial<ImageRecord>;

/** HVM, on EBS, plain Linux, of nobody's kernel, shared with nobody, unprotected. */
export function makeImage(facts: ImageFacts): ImageRecord {
  return {
    id: newId("ami"),
    tags: new Map(),
    ownerAlias: undefined,
    description: undefined,
    virtualizationType: "hvm",
    rootDeviceType: "ebs",
    bootMode: undefined,
    tpmSupport: undefined,
    uefiData: undefined,
    imdsSupport: undefined,
    enaSupport: false,
    sriovNetSupport: undefined,
    kernelId: undefined,
    ramdiskId: undefined,
    billing: PLAIN_LINUX,
    stateReason: undefined,
    sourceImageId: undefined,
    sourceImageRegion: undefined,
    sourceInstanceId: undefined,
    launch: nobody(),
    deprecationTime: undefined,
    protection: { state: "disabled" },
    instanceTypes: undefined,
    watermarks: [],
    lastLaunchedAt: undefined,
    disabled: false,
    deregistered: false,
    ...facts,
  };
}
