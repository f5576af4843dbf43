/**
 * The hardware under the API: disks and machines. An interface, so that most conformance cases can
 * run on machines that are only paper, in milliseconds.
 */

import type { Region } from "./catalog/regions.ts";
import type { FirewallRule } from "./isolation/firewall.ts";
import { cloneDisk, createDisk, exportDisk, importDisk } from "./machines/disks.ts";
import { bootMachine, type Machine, type MachineSpec } from "./machines/machine.ts";

/** A machine, and where in the cloud's network it is. */
export interface PlacedMachineSpec extends MachineSpec {
  readonly region: Region;
  /** Of all its security groups; asked for whenever they may have changed. */
  readonly rules: () => readonly FirewallRule[];
}

export interface Machinery {
  createDisk(path: string, sizeBytes: number): Promise<void>;
  cloneDisk(from: string, to: string, signal?: AbortSignal): Promise<void>;
  importDisk(from: string, to: string): Promise<number>;
  exportDisk(from: string, to: string): Promise<void>;
  bootMachine(spec: PlacedMachineSpec): Promise<Machine>;
  /** Rules of groups, or groups of machines, are others now; settles when they are in force. */
  applyRules?(): Promise<void>;
  /** From now on nothing passes between regions, or everything again. Absent: cannot be done. */
  cutRegions?(): Promise<void>;
  joinRegions?(): Promise<void>;
}

/** Sparse files and real processes. */
export const REAL_MACHINERY: Machinery = {
  createDisk,
  cloneDisk,
  importDisk,
  exportDisk,
  bootMachine,
};
