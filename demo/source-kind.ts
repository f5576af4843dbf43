/** What kind of image the demo copies. */

import type { ImageDescription } from "../localcloud/image-description.ts";
import type { SourceDisk } from "./source-disks.ts";

export interface SourceKind {
  readonly name: string;
  /** Whether AWS would bill more than the machine, so that the copy needs a licence donor. */
  readonly isLicensed: boolean;
  readonly rootDeviceName: string;
  readonly describe: ImageDescription;
}

export const PLAIN: SourceKind = {
  name: "golden",
  isLicensed: false,
  rootDeviceName: "/dev/xvda",
  describe: {},
};

/** As AWS bills, boots and equips a Windows Server; its disks hold what the demo's always do. */
export const WINDOWS_LIKE: SourceKind = {
  name: "golden-windows",
  isLicensed: true,
  rootDeviceName: "/dev/sda1",
  describe: { usageOperation: "RunInstances:0002", bootMode: "uefi", tpmSupport: "v2.0" },
};

/** The demo's disks, the root under the name that this kind of system has for it. */
export function underNamesOf(
  { rootDeviceName }: SourceKind,
  disks: readonly SourceDisk[],
): SourceDisk[] {
  return disks.map((disk) =>
    disk.deviceName === PLAIN.rootDeviceName ? { ...disk, deviceName: rootDeviceName } : disk,
  );
}
