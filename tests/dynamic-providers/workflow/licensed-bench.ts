/** Sources that AWS bills as more than Linux, in a {@link CloudBench}, and an eye on what is left. */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import type { ImageDescription } from "../../../localcloud/image-description.ts";
import type { CloudBench } from "./cloud-bench.ts";

/** What the Windows of the catalog is: one of them has the same TPM, boot mode and root device. */
export const WINDOWS = {
  usageOperation: "RunInstances:0002",
  bootMode: "uefi",
  tpmSupport: "v2.0",
  description: "golden Windows",
  tags: { Name: "golden", stage: "prod" },
  snapshots: { "/dev/sda1": { description: "", tags: { part: "system" } } },
} as const satisfies ImageDescription;

export const RED_HAT = {
  usageOperation: "RunInstances:0010",
  bootMode: "uefi-preferred",
} as const satisfies ImageDescription;

export interface LicensedBench {
  /** An image of the bench's two disks, at `/dev/sda1` and `/dev/sdf`. */
  importSource(name: string, describe: ImageDescription): Promise<CopyRequest>;
  /** All that was made since the last import. */
  leftovers(): Promise<string[]>;
  /** SHA-256 of a snapshot's bytes, and of the file that a source device was made of. */
  hashOf(snapshotId: string): Promise<string>;
  hashOfSource(deviceName: string): Promise<string>;
}

const DEVICES: readonly string[] = ["/dev/sda1", "/dev/sdf"];

export function licensedBench(bench: CloudBench): LicensedBench {
  let untouched: readonly string[] = [];
  const pathOf = (index: number) => join(bench.directory, `disk-${index}.raw`);
  return {
    async importSource(name, describe) {
      const { imageId } = await bench.cloud.importImage({
        region: "us-east-1",
        name,
        disks: DEVICES.map((deviceName, index) => ({ deviceName, path: pathOf(index) })),
        describe,
      });
      untouched = await bench.leftovers();
      return { ...bench.request, sourceAmiId: imageId };
    },
    async leftovers() {
      return (await bench.leftovers()).filter((line) => !untouched.includes(line));
    },
    async hashOf(snapshotId) {
      const path = join(bench.directory, `${snapshotId}.raw`);
      await bench.cloud.exportSnapshot({ region: "us-gov-west-1", snapshotId, path });
      return sha256(path);
    },
    hashOfSource: (deviceName) => sha256(pathOf(DEVICES.indexOf(deviceName))),
  };
}

async function sha256(path: string): Promise<string> {
  await using file = await open(path);
  const hash = createHash("sha256");
  for await (const chunk of file.createReadStream({ highWaterMark: 4 << 20, autoClose: false })) {
    hash.update(chunk);
  }
  return hash.digest("hex");
}
