/** Shows, in calls that anybody can make, that the source account may not read an image's disks. */

import {
  CopyImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
} from "@aws-sdk/client-ec2";
import type { FidelityLine } from "../dynamic-providers/workflow/copy-request.ts";
import type { ImportedImage } from "../localcloud/admin.ts";
import { SOURCE_REGION } from "./pulumi-stack.ts";
import { openClient } from "./sdk-client.ts";
import { formatTable } from "./table.ts";

export async function showUnreadable(
  environment: NodeJS.ProcessEnv,
  { imageId, snapshotIds }: ImportedImage,
): Promise<void> {
  const client = openClient(environment, "SOURCE_", SOURCE_REGION);
  const ImageIds = [imageId];
  const rows = [
    ["DescribeImages", await outcome(client.send(new DescribeImagesCommand({ ImageIds })))],
    [
      "DescribeSnapshots",
      await outcome(client.send(new DescribeSnapshotsCommand({ SnapshotIds: [...snapshotIds] }))),
    ],
    [
      "CopyImage",
      await outcome(
        client.send(
          new CopyImageCommand({
            Name: "native",
            SourceImageId: imageId,
            SourceRegion: SOURCE_REGION,
          }),
        ),
      ),
    ],
  ];
  client.destroy();
  console.log("  What the account that copies it may do with it:\n");
  console.log(formatTable(rows));
}

async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "yes";
  } catch (error) {
    return error instanceof Error ? `no: ${error.name}: ${error.message}` : String(error);
  }
}

/** @throws Error when the report does not say what was done. */
export function showBoot(fidelity: readonly FidelityLine[]): void {
  const line = fidelity.find(({ copy }) => copy === "booted once");
  if (line === undefined) throw new Error("The report does not say that the source was booted.");
  console.log(`\n  ${line.attribute}: ${line.source} → ${line.copy}, ${line.reason}`);
}
