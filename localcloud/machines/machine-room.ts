/**
 * The folders of one machine:
 *
 *   shims/      localcloud's own programs            first on PATH
 *   installed/  what the machine's `dnf` installed   second
 *   tools/      links to the host's harmless tools   last: no other program of the host has a name here
 *   dev/        one link per disk                    HOST_DEV
 *   root/       the working directory, with tmp/
 *   power       the named pipe of the power switch
 */

import { accessSync, constants, mkdirSync } from "node:fs";
import { link, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { machineShims, type NodeSupply } from "./shims.ts";

/** What a distribution's minimal image has, and what boot scripts use; nothing that leaves the machine. */
const TOOL_NAMES: readonly string[] = [
  ...[
    "[",
    "awk",
    "base64",
    "basename",
    "bash",
    "cat",
    "chmod",
    "cksum",
    "cmp",
    "comm",
    "cp",
    "cut",
  ],
  ...["date", "dd", "df", "diff", "dirname", "du", "echo", "env", "expr", "false", "find", "flock"],
  ...[
    "fold",
    "free",
    "getconf",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "hostname",
    "id",
    "join",
    "kill",
  ],
  ...[
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mktemp",
    "mv",
    "nice",
    "nl",
    "nohup",
    "nproc",
    "od",
  ],
  ...["paste", "printf", "ps", "pwd", "readlink", "realpath", "rm", "rmdir", "sed", "seq", "sh"],
  ...["sha256sum", "sleep", "sort", "split", "stat", "stty", "sum", "tac", "tail", "tar", "tee"],
  ...["test", "timeout", "touch", "tr", "true", "truncate", "tty", "uname", "uniq", "uptime", "wc"],
  ...["which", "whoami", "xargs", "xz", "yes", "zcat"],
];

const HOST_FOLDERS: readonly string[] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

const DEVICE_NAME = /^(?:\/dev\/)?([a-z][a-z0-9]{1,31})$/;

export interface MachineRoom {
  readonly path: string;
  readonly workingDirectory: string;
  readonly temporaryDirectory: string;
  readonly deviceDirectory: string;
  readonly powerPath: string;
  readonly scriptPath: string;
  /** A disk comes or goes while the machine runs. */
  linkDisk(disk: { readonly deviceName: string; readonly path: string }): Promise<void>;
  unlinkDisk(deviceName: string): Promise<void>;
  /** Removes everything made here; the disks are elsewhere and stay. */
  remove(): Promise<void>;
}

export interface MachineRoomOptions {
  readonly directory: string;
  readonly disks: readonly { readonly deviceName: string; readonly path: string }[];
  readonly node: NodeSupply;
  /**
   * Disks are second names of their files, so that a machine sees them that sees this folder only.
   * @default symbolic links
   */
  readonly hardLinks?: boolean;
}

/** Makes the folders; `directory` may exist and hold other things. */
export async function prepareMachineRoom(options: MachineRoomOptions): Promise<MachineRoom> {
  const part = (name: string) => join(options.directory, name);
  const temporaryDirectory = part("root/tmp");
  const folders = [part("shims"), part("installed"), part("tools"), part("dev")];
  for (const folder of [...folders, temporaryDirectory]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const powerPath = part("power");
  await writeShims(options.node, { shims: part("shims"), installed: part("installed"), powerPath });
  await linkTools(part("tools"));
  const linkPath = (deviceName: string) => join(part("dev"), diskLinkName(deviceName));
  const linkDisk: MachineRoom["linkDisk"] = ({ path, deviceName }) =>
    (options.hardLinks === true ? link : symlink)(path, linkPath(deviceName));
  for (const disk of options.disks) await linkDisk(disk);
  return {
    path: [part("shims"), part("installed"), part("tools")].join(":"),
    workingDirectory: part("root"),
    temporaryDirectory,
    deviceDirectory: part("dev"),
    powerPath,
    scriptPath: part("root/part-001"),
    linkDisk,
    unlinkDisk: (deviceName) => rm(linkPath(deviceName), { force: true }),
    remove: async () => {
      for (const path of [...folders, part("root"), powerPath]) {
        await rm(path, { recursive: true, force: true });
      }
    },
  };
}

/** `/dev/sdf` and `sdf` are both `sdf`. */
function diskLinkName(deviceName: string): string {
  const [, name] = DEVICE_NAME.exec(deviceName) ?? [];
  if (name === undefined) throw new Error(`a machine cannot have a disk named ${deviceName}`);
  return name;
}

async function writeShims(
  node: NodeSupply,
  paths: { readonly shims: string; readonly installed: string; readonly powerPath: string },
): Promise<void> {
  const shims = machineShims({
    powerPath: paths.powerPath,
    installedDirectory: paths.installed,
    nodePath: process.execPath,
    curlPath: fileURLToPath(new URL("./curl-shim.ts", import.meta.url)),
    node,
  });
  for (const [name, text] of shims) {
    await writeFile(join(paths.shims, name), text, { mode: 0o700 });
  }
  if (node === "present") await symlink(process.execPath, join(paths.shims, "node"));
}

async function linkTools(directory: string): Promise<void> {
  hostTools ??= findHostTools();
  for (const [name, path] of hostTools) await symlink(path, join(directory, name));
}

/** Looked up once: a cloud boots many machines. */
let hostTools: ReadonlyMap<string, string> | undefined;

function findHostTools(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of TOOL_NAMES) {
    const path = HOST_FOLDERS.map((folder) => join(folder, name)).find(isExecutable);
    if (path !== undefined) found.set(name, path);
  }
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
