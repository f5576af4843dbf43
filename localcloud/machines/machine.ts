/**
 * A booted instance: its programs as one process group, its metadata service on its own loopback
 * address, its serial console, its disks by their device names, its power switch.
 *
 *   1. folders, shims, links to the disks      machine-room.ts, shims.ts
 *      perhaps namespaces of its own           enclosure.ts
 *   2. metadata service                        metadata-service.ts, metadata-tree.ts
 *   3. power switch                            power-switch.ts
 *   4. user data, run once as a script         user-data.ts, process-group.ts
 *   5. what it writes, on the console          serial-console.ts
 */

import { writeFile } from "node:fs/promises";
import type { Enclosure } from "./enclosure.ts";
import { type MachineRoom, prepareMachineRoom } from "./machine-room.ts";
import { type MetadataService, startMetadataService } from "./metadata-service.ts";
import { type MachineMetadata, metadataTree } from "./metadata-tree.ts";
import { openPowerSwitch, type PowerSwitch } from "./power-switch.ts";
import { type ProcessGroup, startProcessGroup } from "./process-group.ts";
import { SerialConsole } from "./serial-console.ts";
import type { NodeSupply } from "./shims.ts";
import { readUserData } from "./user-data.ts";

export type { MachineMetadata } from "./metadata-tree.ts";

/** All that a machine needs to boot. */
export interface MachineSpec {
  readonly instanceId: string;
  /** For the machine's own folders; made if missing. Disks may be in it too. */
  readonly directory: string;
  /** As given to RunInstances, perhaps gzip. Run only when it starts with `#!`. */
  readonly userData: Buffer;
  /** A free address, the machine's own; on loopback, unless it is enclosed. */
  readonly address: string;
  /** Makes namespaces for it. @default none: programs of this computer, on loopback addresses */
  readonly enclose?: (room: MachineRoom) => Promise<Enclosure>;
  readonly disks: readonly { readonly deviceName: string; readonly path: string }[];
  /** Words before the command that runs its script, by absolute path: limits, mounts. */
  readonly prefix?: readonly string[];
  /** What `node` it finds: at once; after `dnf install nodejs26`; only in a tarball it fetches. */
  readonly node: NodeSupply;
  /** Live: asked for every request to the metadata service. */
  readonly metadata: () => MachineMetadata;
  /** The machine shut itself down: its programs have ended. Called at most once, never after stop(). */
  readonly onShutdown: () => void;
}

export interface Machine {
  /** Process group id of its programs. */
  readonly pid: number;
  /** `http://<address>:<port>` */
  readonly metadataEndpoint: string;
  /** A disk is plugged in while it runs; nothing happens when it has ended. */
  attachDisk(disk: { readonly deviceName: string; readonly path: string }): Promise<void>;
  /** And taken out again. */
  detachDisk(deviceName: string): Promise<void>;
  /**
   * The last 64 KiB of the serial console; also after the end.
   *
   * @param agoMs - As it was so long ago. @default as it is
   */
  consoleText(agoMs?: number): string;
  /** As if one of its programs had written it. */
  writeConsole(chunk: Buffer): void;
  /** Its programs stand still, or go on. Console, metadata and disks stay as they are. */
  freeze(): void;
  thaw(): void;
  /** The power fails: every program is gone at once. It still has to be stopped. */
  crash(): void;
  /** Ends it: no process, no open port, no folder of its own is left. May be called again. */
  stop(): Promise<void>;
}

/** What runs when there is no script: a machine without programs is up all the same. */
const IDLE: readonly string[] = ["/bin/sh", "-c", ":"];

export async function bootMachine(spec: MachineSpec): Promise<Machine> {
  const console = new SerialConsole({
    seed: spec.instanceId,
    hostName: `ip-${spec.address.replaceAll(".", "-")}`,
    now: () => performance.now(),
  });
  const parts: Parts = {};
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= dismantle(parts, console);
    return stopping;
  };
  const onPowerOff = (): void => {
    if (stopping !== undefined) return;
    // A machine that could not be ended is reported by whoever calls stop() next.
    stop()
      .then(() => console.system("reboot: Power down"))
      .then(spec.onShutdown, spec.onShutdown);
  };
  try {
    parts.room = await prepareMachineRoom({ ...spec, hardLinks: spec.enclose !== undefined });
    parts.enclosure = await spec.enclose?.(parts.room);
    const launchedAt = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const deviceNames = spec.disks.map((disk) => disk.deviceName);
    const place = parts.enclosure?.metadataListener ?? spec.address;
    parts.metadata = await startMetadataService(place, () =>
      metadataTree(spec.metadata(), { userData: spec.userData, deviceNames, launchedAt }),
    );
    parts.power = await openPowerSwitch(parts.room.powerPath, onPowerOff);
    parts.programs = await runUserData(spec, {
      room: parts.room,
      endpoint: parts.metadata.endpoint,
      enclosure: parts.enclosure,
      console,
    });
  } catch (error) {
    await stop();
    throw new Error(`instance ${spec.instanceId} could not boot`, { cause: error });
  }
  return {
    pid: parts.programs.pid,
    metadataEndpoint: parts.metadata.endpoint,
    attachDisk: async (disk) => {
      if (stopping === undefined) await parts.room?.linkDisk(disk);
    },
    detachDisk: async (deviceName) => {
      if (stopping === undefined) await parts.room?.unlinkDisk(deviceName);
    },
    consoleText: (agoMs) => console.text(agoMs),
    writeConsole: (chunk) => console.write(chunk),
    freeze: () => parts.programs?.freeze(),
    thaw: () => parts.programs?.thaw(),
    crash: () => parts.programs?.crash(),
    stop,
  };
}

/** What has been set up so far, in this order; taken down in the other. */
interface Parts {
  room?: MachineRoom;
  enclosure?: Enclosure | undefined;
  metadata?: MetadataService;
  power?: PowerSwitch;
  programs?: ProcessGroup;
}

async function dismantle(parts: Parts, console: SerialConsole): Promise<void> {
  parts.power?.close();
  try {
    await parts.programs?.end();
  } finally {
    console.end();
    await parts.metadata?.close();
    await parts.enclosure?.close();
    await parts.room?.remove();
  }
}

async function runUserData(
  spec: MachineSpec,
  machine: {
    room: MachineRoom;
    endpoint: string;
    enclosure: Enclosure | undefined;
    console: SerialConsole;
  },
): Promise<ProcessGroup> {
  const { room, enclosure, console } = machine;
  const userData = readUserData(spec.userData);
  if (userData.kind === "refused") console.cloudInit(userData.consoleLine);
  let command = IDLE;
  if (userData.kind === "script") {
    await writeFile(room.scriptPath, userData.text, { mode: 0o700 });
    command = [...userData.interpreter, room.scriptPath];
  }
  return startProcessGroup({
    command: [...(spec.prefix ?? []), ...command],
    cwd: room.workingDirectory,
    env: {
      PATH: room.path,
      HOME: room.workingDirectory,
      LANG: "C.UTF-8",
      SHELL: "/bin/sh",
      LOCALCLOUD_MACHINE: spec.directory,
      // Inside, everything is where it is on EC2.
      ...(enclosure === undefined && {
        TMPDIR: room.temporaryDirectory,
        AWS_EC2_METADATA_SERVICE_ENDPOINT: machine.endpoint,
        HOST_DEV: room.deviceDirectory,
      }),
    },
    ...(enclosure !== undefined && { enter: enclosure.enter }),
    onOutput: (chunk) => console.write(chunk),
    onExit: (code) => {
      console.end();
      if (code !== 0) {
        console.cloudInit(
          `cc_scripts_user.py[WARNING]: Failed to run module scripts-user: part-001 exited with ${code}`,
        );
      }
      console.cloudInit("Cloud-init v. 22.2.2 finished. Datasource DataSourceEc2.");
    },
  });
}
