/** Images of many small disks, each with other bytes, in a {@link CloudBench}. */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { CopyRequest } from "../../../dynamic-providers/workflow/copy-request.ts";
import { deviceNames } from "../../../dynamic-providers/workflow/helper-job.ts";
import type { CloudBench } from "./cloud-bench.ts";

const MIB = 2 ** 20;
const LEAVES = 1024;

/** The first MiB of a disk of 1 GiB; the rest of it is a hole. */
export function contentOf(device: string): Buffer {
  return Buffer.alloc(MIB, `bytes of ${device} `);
}

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** Of the whole disk, as `docs/digest.md` has it. */
export function digestOf(device: string): string {
  const empty = sha256(Buffer.alloc(MIB));
  const leaves = [sha256(contentOf(device)), ...Array<Buffer>(LEAVES - 1).fill(empty)];
  return sha256(Buffer.concat(leaves)).toString("hex");
}

/** @returns A request to copy an image of so many disks. */
export async function imageWith(bench: CloudBench, count: number): Promise<CopyRequest> {
  const disks = [];
  for (const deviceName of ["/dev/xvda", ...deviceNames(count - 1)]) {
    const path = join(bench.directory, `${deviceName.replaceAll("/", "_")}.raw`);
    const file = await open(path, "w");
    await file.write(contentOf(deviceName));
    await file.truncate(LEAVES * MIB);
    await file.close();
    disks.push({ deviceName, path });
  }
  const place = { region: "us-east-1", name: `${count} volumes` };
  const { imageId, snapshotIds } = await bench.cloud.importImage({ ...place, disks });
  bench.spare(imageId, ...snapshotIds);
  return { ...bench.request, sourceAmiId: imageId, timeoutMinutes: 20 };
}
