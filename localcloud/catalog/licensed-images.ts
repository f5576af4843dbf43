/**
 * Public images of systems that are billed: Windows, SQL Server, Red Hat, SUSE. One of these lends
 * its licence to an image of such a system that was copied byte by byte. Each has an older
 * neighbour, and there are several boot modes and architectures to choose wrongly from.
 */

import type { Store } from "../store.ts";
import { billingOf } from "./billing.ts";
import { seedImage } from "./seed-image.ts";

interface Family {
  /** With `*` where the date goes. */
  readonly name: string;
  readonly ownerId: string;
  readonly usageOperation: string;
  readonly architectures: readonly string[];
  readonly rootSizeGib: number;
  readonly bootMode?: string;
  readonly tpmSupport?: string;
}

/** Owners as in the commercial regions; all have the alias `amazon`. */
const WINDOWS = { ownerId: "801119661308", architectures: ["x86_64"], rootSizeGib: 30 } as const;
const RED_HAT = { ownerId: "309956199498", rootSizeGib: 10 } as const;
const SUSE = { ownerId: "013907871322", rootSizeGib: 10 } as const;

const FAMILIES: readonly Family[] = [
  {
    ...WINDOWS,
    name: "Windows_Server-2022-English-Full-Base-*",
    usageOperation: "RunInstances:0002",
    bootMode: "legacy-bios",
  },
  {
    ...WINDOWS,
    name: "Windows_Server-2025-English-Full-Base-*",
    usageOperation: "RunInstances:0002",
    bootMode: "uefi",
  },
  {
    ...WINDOWS,
    name: "TPM-Windows_Server-2022-English-Full-Base-*",
    usageOperation: "RunInstances:0002",
    bootMode: "uefi",
    tpmSupport: "v2.0",
  },
  {
    ...WINDOWS,
    name: "Windows_Server-2022-English-Full-SQL_2022_Standard-*",
    usageOperation: "RunInstances:0006",
    bootMode: "legacy-bios",
  },
  {
    ...WINDOWS,
    name: "Windows_Server-2022-English-Full-SQL_2022_Enterprise-*",
    usageOperation: "RunInstances:0102",
    bootMode: "legacy-bios",
  },
  {
    ...RED_HAT,
    name: "RHEL-9.6.0_HVM-*",
    usageOperation: "RunInstances:0010",
    architectures: ["x86_64", "arm64"],
    bootMode: "uefi-preferred",
  },
  {
    ...RED_HAT,
    name: "RHEL-8.10.0_HVM-*",
    usageOperation: "RunInstances:0010",
    architectures: ["x86_64"],
  },
  {
    ...RED_HAT,
    name: "RHEL_HA-9.6.0_HVM-*",
    usageOperation: "RunInstances:1010",
    architectures: ["x86_64"],
    bootMode: "uefi-preferred",
  },
  {
    ...SUSE,
    name: "suse-sles-15-sp7-v*-hvm-ssd",
    usageOperation: "RunInstances:000g",
    architectures: ["x86_64", "arm64"],
    bootMode: "uefi-preferred",
  },
  {
    ...WINDOWS,
    name: "ubuntu-22.04-sql-2022-standard-*",
    usageOperation: "RunInstances:0004",
    bootMode: "legacy-bios",
  },
];

const RELEASES = [
  { name: "2025.12.10", date: "2025-12-10T20:14:09.000Z" },
  { name: "2026.10.14", date: "2026-10-14T19:55:41.000Z" },
  { name: "2026.11.11", date: "2026-11-11T20:31:28.000Z" },
];

export function seedLicensedImages(store: Store): void {
  for (const family of FAMILIES) {
    for (const architecture of family.architectures) {
      for (const [i, release] of RELEASES.entries()) {
        const base = family.name.replace("*", release.name);
        const name = family.architectures.length > 1 ? `${base}-${architecture}` : base;
        const { bootMode, tpmSupport } = family;
        seedImage(store, {
          name,
          description: `${name} provided by Amazon`,
          createdAt: new Date(release.date),
          newest: i > 0,
          architecture,
          rootDeviceName: "/dev/sda1",
          rootSizeGib: family.rootSizeGib,
          ownerId: family.ownerId,
          billing: billingOf(family.usageOperation),
          // Arm has no BIOS.
          ...(architecture === "arm64"
            ? { bootMode: "uefi" }
            : bootMode === undefined
              ? {}
              : { bootMode }),
          ...(tpmSupport === undefined ? {} : { tpmSupport }),
        });
      }
    }
  }
}
