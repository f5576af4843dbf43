/** An image of a described kind, imported from a small file: for cases that need no bytes. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImportedImage, ImportImageRequest } from "../../localcloud/admin.ts";
import type { Localcloud } from "../../localcloud/localcloud.ts";

/**
 * @param request - Without the files: `disks` are device names, the first is the root.
 * @returns what was imported; each disk is 1 GiB and starts with its device's name.
 */
export async function describedImage(
  localcloud: Pick<Localcloud, "importImage">,
  request: Omit<ImportImageRequest, "disks"> & { readonly disks?: readonly string[] },
): Promise<ImportedImage> {
  const directory = await mkdtemp(join(tmpdir(), "described-image-"));
  try {
    const disks = (request.disks ?? ["/dev/xvda"]).map((deviceName, i) => ({
      deviceName,
      path: join(directory, `disk-${i}.raw`),
    }));
    for (const { deviceName, path } of disks) await writeFile(path, deviceName);
    return await localcloud.importImage({ ...request, disks });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
