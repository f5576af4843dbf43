/** What kind of image the demo copies: whose it is, what it is said to be, what the stack says of it. */

import type { ImageDescription } from "../localcloud/image-description.ts";
import type { SourceDisk } from "./source-disks.ts";

export interface SourceKind {
  readonly name: string;
  /** Whether AWS would bill more than the machine, so that the copy needs a licence donor. */
  readonly isLicensed: boolean;
  readonly rootDeviceName: string;
  readonly describe: ImageDescription;
  /** Profile of the image's owner; absent: the account that copies it. */
  readonly owner?: string;
  /** Of `CopiedAmi`, beside the sides and the name. */
  readonly allowBootOfSource?: boolean;
}

export const PLAIN: SourceKind = {
  name: "golden",
  isLicensed: false,
  rootDeviceName: "/dev/xvda",
  describe: { tags: { Name: "golden", team: "platform" } },
};

/** As AWS bills, boots and equips a Windows Server; its disks hold what the demo's always do. */
export const WINDOWS_LIKE: SourceKind = {
  name: "golden-windows",
  isLicensed: true,
  rootDeviceName: "/dev/sda1",
  describe: { usageOperation: "RunInstances:0002", bootMode: "uefi", tpmSupport: "v2.0" },
};

/** As most public images are: everybody may launch it, its snapshots stay its owner's. */
export const UNREADABLE: SourceKind = {
  ...PLAIN,
  owner: "aws-2",
  describe: { launchPermission: { everyone: true } },
  allowBootOfSource: true,
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
