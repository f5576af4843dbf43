/**
 * The namespaces of one machine. It has its own network: a cable to its region's router, and the
 * metadata service at EC2's address. And its own view of the files: an empty /tmp, a /dev with its
 * own disks and nothing else of use, and of the cloud's folder only its own part.
 */

import { mkdir, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve, sep } from "node:path";
import type { Enclosure } from "../machines/enclosure.ts";
import type { MachineRoom } from "../machines/machine-room.ts";
import { quote } from "../machines/shims.ts";
import { requireProgram } from "./host-programs.ts";
import { listenInside } from "./listen-inside.ts";
import { keepNamespaces, type NamespaceKeeper } from "./namespace-keeper.ts";
import type { CabledMachine, RegionNetwork } from "./region-network.ts";

const METADATA_ADDRESS = "169.254.169.254";
const METADATA_PORT = 80;

/** What programs rightly expect to find. */
const DEVICES: readonly string[] = ["null", "zero", "full", "random", "urandom", "tty"];

/** Localcloud's own programs and their Node: the machine's shims point there. */
const OWN_PROGRAMS: readonly string[] = [
  resolve(import.meta.dirname, "../.."),
  dirname(process.execPath),
];

export interface EnclosureOptions {
  /** The machine's own folder. */
  readonly machineDirectory: string;
  /** The cloud's, with everybody's disks in it. */
  readonly cloudDirectory: string;
  readonly network: RegionNetwork;
  readonly address: string;
  readonly rules: CabledMachine["rules"];
}

export async function encloseMachine(
  room: MachineRoom,
  options: EnclosureOptions,
): Promise<Enclosure> {
  const { network, address, rules } = options;
  await prepareDevices(room.deviceDirectory);
  const keeper = await keepNamespaces(
    ["net", "mount"],
    [
      ...mountLines(options, room.deviceDirectory),
      // The host's shows the host's interfaces; whose namespace it is decides who mounts it.
      "mount -t sysfs -o ro machine /sys",
      "ip link set lo up",
      `ip address add ${METADATA_ADDRESS}/32 dev lo`,
    ],
  );
  let isConnected = false;
  const close = async (): Promise<void> => {
    if (isConnected) await network.disconnect(address);
    await keeper.close();
  };
  try {
    const { net, pid } = keeper;
    await network.connect({ address, net, pid, rules });
    isConnected = true;
    const metadataListener = await listenInside(net, METADATA_ADDRESS, METADATA_PORT);
    return { enter: enterWords(keeper, room.workingDirectory), metadataListener, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Empty files, over which the host's devices are mounted inside; links as on any Linux. */
async function prepareDevices(directory: string): Promise<void> {
  for (const name of DEVICES) await writeFile(join(directory, name), "");
  await mkdir(join(directory, "shm"));
  await symlink("/proc/self/fd", join(directory, "fd"));
  for (const [number, name] of ["stdin", "stdout", "stderr"].entries()) {
    await symlink(`/proc/self/fd/${number}`, join(directory, name));
  }
}

/**
 * Folders that are needed again are held open before something is mounted over their paths, and
 * bound from there.
 */
function mountLines(options: EnclosureOptions, deviceDirectory: string): string[] {
  const { machineDirectory, cloudDirectory } = options;
  const hidden = [...new Set(["/tmp", tmpdir(), cloudDirectory])];
  const isHidden = (path: string): boolean =>
    hidden.some((folder) => path === folder || path.startsWith(folder + sep));
  const kept = [...OWN_PROGRAMS, machineDirectory].filter(isHidden);
  const bindAgain = (path: string): string[] => [
    `mkdir -p ${quote(path)}`,
    `mount --no-canonicalize --bind /proc/self/fd/${kept.indexOf(path) + 5} ${quote(path)}`,
  ];
  return [
    ...kept.map((path, index) => `exec ${index + 5}<${quote(path)}`),
    ...hidden.flatMap((path) => [
      `mkdir -p ${quote(path)}`,
      `mount -t tmpfs -o mode=1777,size=256m machine ${quote(path)}`,
    ]),
    ...kept.flatMap(bindAgain),
    ...DEVICES.map((name) => `mount --bind /dev/${name} ${quote(join(deviceDirectory, name))}`),
    `mount --rbind ${quote(deviceDirectory)} /dev`,
    // The cloud may be in memory, below the host's /dev/shm.
    ...kept.filter((path) => path.startsWith("/dev/")).flatMap(bindAgain),
    ...kept.map((_path, index) => `exec ${index + 5}<&-`),
  ];
}

/** Entering a mount namespace leads to its root; from there to where the program is to start. */
function enterWords(keeper: NamespaceKeeper, workingDirectory: string): string[] {
  return [
    requireProgram("nsenter"),
    `--net=${keeper.net}`,
    `--mount=${keeper.mount}`,
    ...["/bin/sh", "-c", 'cd "$0" && exec "$@"', workingDirectory],
  ];
}
