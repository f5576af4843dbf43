/**
 * Amazon's public Linux images in every region: what a helper boots from, with neighbours that it
 * should not take (older, minimal, another kernel).
 */

import type { Store } from "../store.ts";
import { seedImage, seedInstanceStoreImage } from "./seed-image.ts";

/** name without architecture, creation date. Amazon deprecates each after 90 days. */
const IMAGES: readonly (readonly [string, string])[] = [
  ["al2023-ami-2023.8.20260701.0-kernel-6.1", "2026-07-01T22:11:03.000Z"],
  ["al2023-ami-2023.9.20261015.0-kernel-6.18", "2026-10-15T21:40:12.000Z"],
  ["al2023-ami-2023.9.20261101.0-kernel-6.18", "2026-11-01T22:02:57.000Z"],
  ["al2023-ami-minimal-2023.9.20261101.0-kernel-6.18", "2026-11-01T22:03:44.000Z"],
];
/** The newest are never deprecated here, whatever the year is in which localcloud runs. */
const NEWEST = "2023.9.20261101";

export function seedHelperImages(store: Store): void {
  for (const [baseName, date] of IMAGES) {
    for (const architecture of ["arm64", "x86_64"]) {
      seedImage(store, {
        name: `${baseName}-${architecture}`,
        description: `Amazon Linux 2023 AMI ${baseName} ${architecture} HVM`,
        createdAt: new Date(date),
        newest: baseName.includes(NEWEST),
        rootDeviceName: "/dev/xvda",
        rootSizeGib: 8,
        architecture,
        bootMode: architecture === "arm64" ? "uefi" : "uefi-preferred",
        imdsSupport: "v2.0",
      });
    }
  }
  seedInstanceStoreImage(store, {
    name: "amzn-ami-hvm-2018.03.0.20181129-x86_64-s3",
    description: "Amazon Linux AMI 2018.03.0.20181129 x86_64 HVM S3",
    createdAt: new Date("2018-11-29T19:32:10.000Z"),
  });
}
