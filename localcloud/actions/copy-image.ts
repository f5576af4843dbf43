/** CopyImage, within a partition: what the copier's users should take where it works. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { CopyImageRequest, CopyImageResult } from "@aws-sdk/client-ec2";
import { type Action, Call, ec2Action } from "../call.ts";
import { chooseEncryption, type Encryption } from "../encryption.ts";
import { newId } from "../ids.ts";
import { makeImage } from "../image-making.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";
import type { ImageRecord } from "../records/image.ts";
import type { SnapshotRecord } from "../records/snapshot.ts";
import { findImage, mayRead, nobody } from "../sharing.ts";
import { KEY_NOT_ACCESSIBLE } from "../snapshot-making.ts";
import { State } from "../states.ts";
import { readTagSpecifications } from "../tags.ts";
import { checkDescription, checkImageName } from "./image-name.ts";

export const COPY_IMAGE: Action = ec2Action<CopyImageRequest, CopyImageResult>(
  "CopyImage",
  [
    "ClientToken",
    "CopyImageTags",
    "Description",
    "Encrypted",
    "KmsKeyId",
    "Name",
    "SourceImageId",
    "SourceRegion",
    "TagSpecifications",
  ],
  copyImage,
);

interface SnapshotPlan {
  readonly original: SnapshotRecord;
  readonly encryption: Encryption;
}

function copyImage(input: CopyImageRequest, call: Call): CopyImageResult {
  const { store } = call;
  const [knownId] = store.tokens.recall("CopyImage", input.ClientToken, input) ?? [];
  if (knownId !== undefined) return { ImageId: knownId };
  const { there, source } = findSource(input, call);
  checkImageName(call, input.Name ?? "");
  checkDescription(input.Description);
  const plans = planSnapshots(input, { call, there, source });
  const tagsFor = readTagSpecifications(input.TagSpecifications, ["image", "snapshot"]);
  call.commit();
  const copies = plans.map((plan) => makeSnapshot(call, plan, tagsFor("snapshot")));
  const own = source.ownerId === call.account.id;
  const copiedTags = input.CopyImageTags === true && own ? source.tags : [];
  const image = makeImage({
    ...pickCopied(source),
    tags: new Map([...copiedTags, ...tagsFor("image")]),
    ownerId: call.account.id,
    name: input.Name ?? "",
    description: input.Description ?? `[Copied ${source.id} from ${there.region.name}]`,
    createdAt: call.now,
    state: new State("pending", call.nowMs),
    sourceImageId: source.id,
    sourceImageRegion: there.region.name,
    mappings: source.mappings.map((mapping) => {
      const i = plans.findIndex(({ original }) => original.id === mapping.Ebs?.SnapshotId);
      const copy = copies[i];
      if (copy === undefined) return mapping;
      return {
        ...mapping,
        Ebs: { ...mapping.Ebs, SnapshotId: copy.id, Encrypted: copy.encrypted },
      };
    }),
  });
  store.images.set(image.id, image);
  store.tokens.remember("CopyImage", input.ClientToken, input, [image.id]);
  call.cloud.inBackground(fill(call, { image, plans, copies }));
  return { ImageId: image.id };
}

/** What a copy has of its source. [SDK CopyImage, AttachImageWatermark] */
function pickCopied(source: ImageRecord) {
  const { architecture, virtualizationType, rootDeviceName, rootDeviceType } = source;
  const { bootMode, tpmSupport, uefiData, imdsSupport, enaSupport, sriovNetSupport } = source;
  const { kernelId, ramdiskId, billing, watermarks } = source;
  return {
    ...{ architecture, virtualizationType, rootDeviceName, rootDeviceType },
    ...{ bootMode, tpmSupport, uefiData, imdsSupport, enaSupport, sriovNetSupport },
    ...{ kernelId, ramdiskId, billing, watermarks },
  };
}

function findSource(
  input: CopyImageRequest,
  call: Call,
): { readonly there: Call; readonly source: ImageRecord } {
  const region = call.store.partition.regions.find((one) => one.name === input.SourceRegion);
  if (region === undefined) {
    // [SDK CopyImage]: not across partitions.
    throw invalidValue(`Invalid source region: ${input.SourceRegion}`);
  }
  const there = new Call(call.cloud, call.caller, region, false);
  const source = findImage(there, input.SourceImageId);
  if (source.state.at(call.nowMs) !== "available") {
    throw new ApiError("InvalidAMIID.Unavailable", `The image ${source.id} is not available`);
  }
  return { there, source };
}

function planSnapshots(
  input: CopyImageRequest,
  from: { readonly call: Call; readonly there: Call; readonly source: ImageRecord },
): SnapshotPlan[] {
  const { call, there, source } = from;
  const ids = new Set(source.mappings.flatMap((one) => one.Ebs?.SnapshotId ?? []));
  const originals = there.cloud
    .storesIn(there.region)
    .flatMap((store) => [...store.snapshots.values()])
    .filter((one) => ids.has(one.id));
  return originals.map((original) => {
    if (!mayRead(there, original)) {
      throw new ApiError(
        "InvalidRequest",
        "You do not have permission to access the storage of this ami",
      );
    }
    // The source's key is judged where it is, the copy's here.
    const sourceKeyUsable = chooseEncryption(there, {}, original).keyUsable;
    const wish = { Encrypted: input.Encrypted ?? original.encrypted, KmsKeyId: input.KmsKeyId };
    if (original.encrypted && input.Encrypted === false) {
      throw new ApiError(
        "InvalidRequest",
        `Snapshot ${original.id} is encrypted. Creating an unencrypted copy from an encrypted snapshot is not supported.`,
      );
    }
    const encryption = chooseEncryption(call, wish, undefined);
    return {
      original,
      encryption: { ...encryption, keyUsable: encryption.keyUsable && sourceKeyUsable },
    };
  });
}

function makeSnapshot(call: Call, plan: SnapshotPlan, tags: Map<string, string>): SnapshotRecord {
  const { original, encryption } = plan;
  const id = newId("snap");
  const copy: SnapshotRecord = {
    id,
    tags,
    ownerId: call.account.id,
    volumeId: "vol-ffffffff",
    description: `Copied for DestinationAmi from SourceSnapshot ${original.id}`,
    sizeGib: original.sizeGib,
    encrypted: encryption.encrypted,
    kmsKeyArn: encryption.kmsKeyArn,
    billing: original.billing,
    startedAt: call.now,
    completedAt: undefined,
    state: new State("pending", call.nowMs),
    stateMessage: undefined,
    storageTier: "standard",
    path: original.path === undefined ? undefined : join(call.cloud.directory, "snapshots", id),
    fullSizeBytes: original.fullSizeBytes,
    createVolume: nobody(),
  };
  call.store.snapshots.set(id, copy);
  return copy;
}

/** A key that cannot be used is found out now, long after the call succeeded. [SDK CopyImageRequest.KmsKeyId] */
async function fill(
  call: Call,
  work: {
    readonly image: ImageRecord;
    readonly plans: readonly SnapshotPlan[];
    readonly copies: readonly SnapshotRecord[];
  },
): Promise<void> {
  const { cloud } = call;
  const { image, plans, copies } = work;
  let failed = false;
  for (const [i, { original, encryption }] of plans.entries()) {
    const copy = copies[i];
    if (copy === undefined) continue;
    if (!encryption.keyUsable) {
      failed = true;
      copy.stateMessage = KEY_NOT_ACCESSIBLE;
      copy.state.set("error", cloud.now());
      continue;
    }
    if (original.path !== undefined && copy.path !== undefined) {
      await cloud.machinery.cloneDisk(original.path, copy.path, cloud.closing);
      copy.fullSizeBytes = (await stat(copy.path)).blocks * 512;
    }
    await cloud.wait(cloud.delays.snapshotPending);
    copy.completedAt = new Date(cloud.now());
    copy.state.set("completed", cloud.now());
  }
  await cloud.wait(cloud.delays.imagePending);
  // A fault may have decided already.
  if (image.stateReason !== undefined) return;
  if (failed) {
    const message = `Client.InvalidKmsKey: ${KEY_NOT_ACCESSIBLE}`;
    image.stateReason = { code: "Client.InvalidKmsKey.InvalidState", message };
  }
  image.state.set(failed ? "failed" : "available", cloud.now());
}
