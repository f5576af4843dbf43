/** What the tests of a booted source share: a cloud with an image that is public but not readable. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { CloudError } from "../../../dynamic-providers/ec2/cloud-error.ts";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { copyImage } from "../../../dynamic-providers/workflow/copy-image.ts";
import type { CopyRequest, CopyResult } from "../../../dynamic-providers/workflow/copy-request.ts";
import { removeImage } from "../../../dynamic-providers/workflow/remove-image.ts";
import { type RunContext, systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import type { ImageDescription } from "../../../localcloud/image-description.ts";
import { exchange, openCloudBench, QUICK, runId } from "./cloud-bench.ts";

export const PACE = { limits: QUICK, clock: systemClock };

export type BootBench = Awaited<ReturnType<typeof openBootBench>>;

export async function openBootBench() {
  const bench = await openCloudBench();
  const { source, destination } = await bench.identity(runId(1));
  const disks = ["/dev/xvda", "/dev/sdb"].map((deviceName, index) => ({
    deviceName,
    path: join(bench.directory, `disk-${index}.raw`),
  }));

  /** Of another account: everybody may launch it, nobody may read its snapshots. */
  async function publicImage(name: string, describe: ImageDescription = {}) {
    const imported = await bench.cloud.importImage({
      region: "us-east-1",
      account: "aws-2",
      name,
      architecture: "arm64",
      disks,
      describe: { launchPermission: { everyone: true }, ...describe },
    });
    bench.spare(imported.imageId, ...imported.snapshotIds);
    return imported;
  }

  const unreadable = await publicImage("published");
  const request: CopyRequest = {
    ...bench.request,
    sourceAmiId: unreadable.imageId,
    allowBootOfSource: true,
  };
  const identityOf = (number: number) => ({ runId: runId(number), source, destination });
  return {
    bench,
    root: disks[0] ?? assert.fail(),
    request,
    unreadable,
    publicImage,
    identityOf,
    async copyOf(
      number: number,
      changes: Partial<RunContext> = {},
      wanted: CopyRequest = request,
    ): Promise<CopyResult> {
      return copyImage(wanted, identityOf(number), await bench.context("good", changes));
    },
    async assertEqual({ image }: CopyResult): Promise<void> {
      for (const [index, { snapshotId }] of image.snapshots.entries()) {
        const content = await bench.firstMib("us-gov-west-1", snapshotId);
        assert.ok(bench.contents[index]?.equals(content), `disk ${index} is equal`);
      }
    },
    /** Fails unless the image and its two snapshots are all there is; removes them. */
    async removeOnly({ image }: CopyResult, count = 2): Promise<void> {
      const kinds = [...Array(count).fill("snapshot"), "image"].sort();
      assert.deepEqual(kindsOf(await bench.leftovers()), kinds);
      await removeImage(image, bench.clouds().destination, PACE);
      assert.deepEqual(await bench.leftovers(), []);
    },
    /** The source's EC2 with some verbs exchanged. */
    withSource(verbs: (real: Ec2) => Partial<Ec2>): Partial<RunContext> {
      const clouds = bench.clouds();
      return { clouds: { ...clouds, source: exchange(clouds.source, verbs(clouds.source)) } };
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

export const kindsOf = (lines: readonly string[]) => lines.map((line) => line.split(" ")[0]).sort();

export function cloudError(kind: CloudError["kind"], operation: string): CloudError {
  return new CloudError("no", { kind, code: "Test", operation, region: "us-east-1" });
}
