/** Disks that are small files' ghosts and machines of paper: everything but the API in no time. */

import { copyFile, open, stat, truncate } from "node:fs/promises";
import type { Machinery, PlacedMachineSpec } from "../../localcloud/machinery.ts";

export interface PaperMachine {
  readonly spec: PlacedMachineSpec;
  /** As if somebody had typed `shutdown -P now` in it. */
  shutDown(): void;
  say(line: string): void;
  readonly stopped: boolean;
  readonly frozen: boolean;
}

export interface PaperMachinery extends Machinery {
  /** Booted so far, by instance id; a second boot replaces the first. */
  readonly machines: ReadonlyMap<string, PaperMachine>;
}

export function paperMachinery(): PaperMachinery {
  const machines = new Map<string, PaperMachine>();
  return {
    machines,
    createDisk: async (path, sizeBytes) => {
      await (await open(path, "wx")).close();
      await truncate(path, sizeBytes);
    },
    cloneDisk: (from, to) => copySmall(from, to),
    importDisk: async (from, to) => {
      const { size } = await stat(from);
      await copyFile(from, to);
      const sizeBytes = Math.ceil(size / 1024 ** 3) * 1024 ** 3;
      await truncate(to, sizeBytes);
      return sizeBytes;
    },
    exportDisk: (from, to) => copySmall(from, to),
    bootMachine: async (spec) => {
      let text = "";
      let stopped = false;
      let frozen = false;
      const machine: PaperMachine = {
        spec,
        shutDown: () => spec.onShutdown(),
        say: (line) => {
          text += `${line}\n`;
        },
        get stopped() {
          return stopped;
        },
        get frozen() {
          return frozen;
        },
      };
      machines.set(spec.instanceId, machine);
      return {
        pid: 0,
        metadataEndpoint: "",
        attachDisk: async () => {},
        detachDisk: async () => {},
        // As if nothing had been said in the last minutes.
        consoleText: (agoMs = 0) => (agoMs > 0 ? "" : text),
        writeConsole: (chunk) => {
          text += chunk.toString();
        },
        freeze: () => {
          frozen = true;
        },
        thaw: () => {
          frozen = false;
        },
        crash: () => {},
        stop: async () => {
          stopped = true;
        },
      };
    },
  };
}

/** Only the first mebibyte has bytes here; the rest is a hole. */
async function copySmall(from: string, to: string): Promise<void> {
  const { size } = await stat(from);
  const source = await open(from, "r");
  const target = await open(to, "w");
  try {
    const { buffer, bytesRead } = await source.read(Buffer.alloc(1024 ** 2), 0, 1024 ** 2, 0);
    await target.write(buffer, 0, bytesRead, 0);
    await target.truncate(size);
  } finally {
    await source.close();
    await target.close();
  }
}
