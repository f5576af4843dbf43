/**
 * The hardware under the API: disks and machines. An interface, so that most conformance cases can
 * run on machines that are only paper, in milliseconds.
 */

import { cloneDisk, createDisk, exportDisk, importDisk } from "./machines/disks.ts";
import { bootMachine, type Machine, type MachineSpec } from "./machines/machine.ts";

export interface Machinery {
  createDisk(path: string, sizeBytes: number): Promise<void>;
  cloneDisk(from: string, to: string, signal?: AbortSignal): Promise<void>;
  importDisk(from: string, to: string): Promise<number>;
  exportDisk(from: string, to: string): Promise<void>;
  bootMachine(spec: MachineSpec): Promise<Machine>;
}

/** Sparse files and real processes. */
export const REAL_MACHINERY: Machinery = {
  createDisk,
  cloneDisk,
  importDisk,
  exportDisk,
  bootMachine,
};
