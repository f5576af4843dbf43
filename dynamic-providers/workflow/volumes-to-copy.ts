/** The volumes that helpers will hold, as far as they are known before anything runs. Pure. */

import { snapshotDevices } from "./choose-boot.ts";
import type { SourceImage } from "./describe-source.ts";

export interface VolumeToCopy {
  readonly sizeGib: number;
  /** Absent: nobody tells. */
  readonly fullSizeBytes?: number;
}

export function volumesToCopy({ image, volumes, unreadable }: SourceImage): VolumeToCopy[] {
  if (unreadable.length > 0) {
    // After a boot each device has its own snapshot, also where two have shared one.
    return snapshotDevices(image).map(({ volumeSizeGib: sizeGib = 1 }) => ({ sizeGib }));
  }
  return volumes.map(({ snapshot: { volumeSizeGib: sizeGib, fullSizeBytes } }) => ({
    sizeGib,
    ...(fullSizeBytes !== undefined && { fullSizeBytes }),
  }));
}
