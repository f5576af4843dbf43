/**
 * Disks that fail, really: the kernel says so, not a stand-in. Each kind is a few lines of shell that
 * run inside the machine before its script does. Whatever they set up belongs to the machine's
 * programs and goes with the last of them, however they end.
 *
 *   write-error  a limit on the size of files: EFBIG                 anywhere
 *   no-space     the disk is on a full file system: ENOSPC           Linux, root
 *   root-full    so is the machine's place for files: ENOSPC         Linux, root
 *   read-error   a loop device whose file ends too early: EIO        Linux, root
 */

import { accessSync, constants } from "node:fs";
import { basename, join } from "node:path";
import type { MachineSpec } from "../machines/machine.ts";
import { quote } from "../machines/shims.ts";
import type { Rule } from "./fault-rule.ts";

/** Ours. A machine's own programs write that much; a limit below it would strike them first. */
const WRITES_LEAST_BYTES = 1 << 20;
/** Specification. `ulimit -f` counts in these. */
const LIMIT_UNIT_BYTES = 512;
const PAGE_BYTES = 4096;

/** By absolute path: what runs in a machine has the machine's PATH. */
const PROGRAMS = {
  unshare: "/usr/bin/unshare",
  mount: "/usr/bin/mount",
  losetup: "/usr/sbin/losetup",
  truncate: "/usr/bin/truncate",
  cp: "/usr/bin/cp",
  ln: "/usr/bin/ln",
  mkdir: "/usr/bin/mkdir",
  stat: "/usr/bin/stat",
} as const;

const NEEDED: Readonly<Record<Rule<"disk">["does"], readonly (keyof typeof PROGRAMS)[]>> = {
  "write-error": [],
  "no-space": ["unshare", "mount", "truncate", "ln", "mkdir", "stat"],
  "root-full": ["unshare", "mount"],
  "read-error": ["losetup", "truncate", "cp", "ln"],
};

/** These work on the file behind one disk; the others on all files of the machine. */
const OF_ONE_DISK: readonly Rule<"disk">["does"][] = ["no-space", "read-error"];

/**
 * @param isIsolated - Whether machines are; an isolated one does not see the files behind its disks.
 * @returns Why it cannot be done here; `undefined` when it can.
 */
export function obstacleTo(
  { does }: Pick<Rule<"disk">, "does">,
  isIsolated = false,
): string | undefined {
  if (isIsolated && OF_ONE_DISK.includes(does)) {
    return "needs machines that see the files behind their disks (no isolation)";
  }
  const needed = NEEDED[does];
  if (needed.length === 0) return undefined;
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs Linux and root";
  const missing = needed.map((name) => PROGRAMS[name]).find((path) => !isThere(path));
  return missing === undefined ? undefined : `needs ${missing}`;
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether a launch with such disks has the one that the rule is about. */
export function hasItsDisk(rule: Rule<"disk">, deviceNames: readonly string[]): boolean {
  if (!OF_ONE_DISK.includes(rule.does)) return true;
  const name = basename(rule.device ?? deviceNames[0] ?? "");
  return deviceNames.some((one) => basename(one) === name);
}

/** @returns The words before the command that runs the machine's script. Pure. */
export function diskPrefix(
  rule: Rule<"disk">,
  spec: Pick<MachineSpec, "directory" | "disks">,
): string[] {
  const { does, fromByte } = rule;
  const name = basename(rule.device ?? spec.disks[0]?.deviceName ?? "");
  const disk = spec.disks.find(({ deviceName }) => basename(deviceName) === name);
  const folder = join(spec.directory, `spoiled-${name}`);
  const link = `"\${HOST_DEV:-/dev}"/${quote(name)}`;
  const { mount, truncate, losetup, cp, ln, mkdir, stat } = PROGRAMS;
  const tmpfs = (bytes: number, where: string) =>
    `${mount} -t tmpfs -o size=${Math.max(bytes, PAGE_BYTES)} tmpfs ${where}`;
  switch (does) {
    case "write-error": {
      const bytes = Math.max(fromByte, WRITES_LEAST_BYTES);
      return shell([`ulimit -f ${Math.ceil(bytes / LIMIT_UNIT_BYTES)}`]);
    }
    case "root-full":
      return inOwnMounts([tmpfs(fromByte, `"\${TMPDIR:-/tmp}"`)]);
    case "no-space": {
      if (disk === undefined) return [];
      return inOwnMounts([
        `${mkdir} -p ${quote(folder)}`,
        tmpfs(fromByte, quote(folder)),
        `${truncate} -s "$(${stat} -c %s ${quote(disk.path)})" ${quote(join(folder, "disk"))}`,
        `${ln} -sfn ${quote(join(folder, "disk"))} ${link}`,
      ]);
    }
    case "read-error": {
      if (disk === undefined) return [];
      const file = quote(`${folder}.raw`);
      const kept = Math.floor(fromByte / PAGE_BYTES) * PAGE_BYTES;
      return shell([
        `${cp} --sparse=always --reflink=auto ${quote(disk.path)} ${file}`,
        // Direct: what comes from a cache is filled up with zeros instead.
        `device=$(${losetup} --find --show --direct-io=on ${file})`,
        // Held by the machine's programs from here on, and free with the last of them.
        'exec 9<"$device"',
        `${losetup} --detach "$device"`,
        `${truncate} -s ${kept} ${file}`,
        `${ln} -sfn "$device" ${link}`,
      ]);
    }
    default:
      return does satisfies never;
  }
}

function shell(lines: readonly string[]): string[] {
  return ["/bin/sh", "-c", [...lines, 'exec "$@"'].join(" && "), "disk"];
}

function inOwnMounts(lines: readonly string[]): string[] {
  return [PROGRAMS.unshare, "--mount", ...shell(lines)];
}
