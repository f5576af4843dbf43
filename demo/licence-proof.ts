/** Is the copy billed as its source, and is it the machine that its source is? Asked of EC2 itself. */

import { DescribeImagesCommand, type EC2Client, type Image } from "@aws-sdk/client-ec2";
import { DESTINATION_REGION, SOURCE_REGION } from "./pulumi-stack.ts";
import { openClient } from "./sdk-client.ts";
import { formatTable } from "./table.ts";

/** What is compared, by EC2's names. */
const ATTRIBUTES = [
  ...["UsageOperation", "PlatformDetails", "Platform", "Architecture"],
  ...["BootMode", "TpmSupport", "EnaSupport", "RootDeviceName"],
] as const satisfies readonly (keyof Image)[];

/** @returns Whether all is equal; it has been shown. */
export async function proveLicence(
  environment: NodeJS.ProcessEnv,
  { sourceImageId, imageId }: { readonly sourceImageId: string; readonly imageId: string },
): Promise<boolean> {
  const source = openClient(environment, "SOURCE_", SOURCE_REGION);
  const destination = openClient(environment, "DESTINATION_", DESTINATION_REGION);
  const original = await describe(source, sourceImageId);
  const copy = await describe(destination, imageId);
  const donor = await describe(destination, copy.SourceImageId ?? "");
  source.destroy();
  destination.destroy();
  const { rows, equal } = licenceRows(original, copy);
  console.log(formatTable(rows));
  console.log(
    `\n  The licence was lent by ${donor.ImageId} (${donor.Name}, of account ${donor.OwnerId}):\n` +
      "  an instance of it ran for a moment, was stopped, and got the copy's volumes for its own.\n" +
      "  Registered from the bytes alone, the copy would be Linux/UNIX (RunInstances).",
  );
  return equal;
}

/** Pure. */
export function licenceRows(
  original: Image,
  copy: Image,
): { readonly rows: string[][]; readonly equal: boolean } {
  const text = (value: unknown) => (value === undefined ? "none" : String(value));
  const compared = ATTRIBUTES.map(
    (name) => [name, text(original[name]), text(copy[name])] as const,
  );
  const rows = compared.map(([name, before, after]) => [
    name,
    before,
    after,
    before === after ? "the same" : "DIFFERENT",
  ]);
  return {
    rows: [["", original.ImageId ?? "", copy.ImageId ?? "", ""], ...rows],
    equal: compared.every(([, before, after]) => before === after),
  };
}

async function describe(client: EC2Client, id: string): Promise<Image> {
  const { Images = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [id] }));
  const [image] = Images;
  if (image === undefined) throw new Error(`There is no image ${id}.`);
  return image;
}
