/**
 * Things that are accepted and fail later, with nothing but a state to tell it: snapshots in
 * `error`, images in `failed`, volumes in `error`. EC2 says late what is wrong with a key.
 */

import type { ImageRecord } from "../records/image.ts";
import type { SnapshotRecord } from "../records/snapshot.ts";
import type { VolumeRecord } from "../records/volume.ts";
import { KEY_NOT_ACCESSIBLE } from "../snapshot-making.ts";
import type { Store } from "../store.ts";
import type { Rule } from "./fault-rule.ts";

/** Which calls make what; their answers name it. */
export const MAKES: Readonly<Record<Rule<"state">["of"], readonly string[]>> = {
  snapshot: ["CreateSnapshot", "CreateSnapshots"],
  image: ["RegisterImage", "CreateImage", "CopyImage"],
  volume: ["CreateVolume"],
};

/** @returns The id of what fails from now on; `undefined` when the answer names nothing. */
export function failLater(
  rule: Rule<"state">,
  output: object,
  { store, nowMs }: { readonly store: Store; readonly nowMs: number },
): string | undefined {
  const answer = output as {
    SnapshotId?: string;
    Snapshots?: readonly { SnapshotId?: string }[];
    ImageId?: string;
    VolumeId?: string;
  };
  const atMs = nowMs + rule.afterMs;
  switch (rule.of) {
    case "snapshot": {
      // Of several that were made at once the first is enough.
      const id = answer.SnapshotId ?? answer.Snapshots?.[0]?.SnapshotId;
      const snapshot = store.snapshots.get(id ?? "");
      if (snapshot !== undefined) failSnapshot(snapshot, rule.message, { nowMs, atMs });
      return snapshot?.id;
    }
    case "image": {
      const image = store.images.get(answer.ImageId ?? "");
      if (image !== undefined) failImage(image, rule.message, { nowMs, atMs });
      return image?.id;
    }
    case "volume": {
      const volume = store.volumes.get(answer.VolumeId ?? "");
      if (volume !== undefined) failVolume(volume, { nowMs, atMs });
      return volume?.id;
    }
    default:
      return rule.of satisfies never;
  }
}

interface Times {
  readonly nowMs: number;
  readonly atMs: number;
}

/** The default is what EC2 says of a key that it cannot use. [EBSUG ebs-copy-snapshot] */
function failSnapshot(snapshot: SnapshotRecord, message: string | undefined, times: Times): void {
  snapshot.stateMessage = message ?? KEY_NOT_ACCESSIBLE;
  snapshot.state.set("pending", times.nowMs).later("error", times.atMs);
}

function failImage(image: ImageRecord, message: string | undefined, times: Times): void {
  image.stateReason = {
    code: "Client.InternalError",
    message: message ?? "Client error on register",
  };
  image.state.set("pending", times.nowMs).later("failed", times.atMs);
}

/** Whatever it becomes first, it does not stay; nor does it fail before its time. */
function failVolume(volume: VolumeRecord, { nowMs, atMs }: Times): void {
  volume.state.set("creating", nowMs).later("error", atMs);
  const fail = () => volume.state.later("error", atMs);
  volume.ready = volume.ready.finally(fail);
  volume.ready.catch(() => {});
}
