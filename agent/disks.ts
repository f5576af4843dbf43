/**
 * The disks of a job, found by the device name each was launched with. On Nitro the kernel numbers
 * NVMe disks as it meets them; the name survives in the controller's own record, from which the
 * distribution's udev rule makes a link (`/dev/sdf` → `nvme2n1`). So: follow the link, never guess.
 */

import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { AgentError } from "./agent-error.ts";
import type { JobDisk } from "./contract.ts";

/** A disk that is there and has the promised size. */
export interface FoundDisk {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Either every disk, in the job's order, or the device names that are not there yet. */
export interface DiskSearch {
  readonly disks: readonly FoundDisk[];
  readonly missing: readonly string[];
}

/**
 * One look, without waiting.
 *
 * @param folder - Where the links are: `/dev`, or localcloud's stand-in for it.
 * @throws AgentError `disk-size` for a disk of another size; `disk-missing` when two names lead to one disk.
 */
export function findDisks(wanted: readonly JobDisk[], folder: string): DiskSearch {
  const disks: FoundDisk[] = [];
  const missing: string[] = [];
  for (const { deviceName, sizeBytes } of wanted) {
    const path = resolve(join(folder, basename(deviceName)));
    const actualBytes = path === undefined ? 0 : measureBytes(path);
    if (path === undefined || actualBytes === 0) {
      missing.push(deviceName);
      continue;
    }
    if (actualBytes !== sizeBytes) {
      throw new AgentError(
        "disk-size",
        `${deviceName} has ${actualBytes} bytes, the job says ${sizeBytes}`,
      );
    }
    if (disks.some((disk) => disk.path === path)) {
      throw new AgentError("disk-missing", `${deviceName} is the same disk as another`);
    }
    disks.push({ path, sizeBytes });
  }
  return { disks, missing };
}

function resolve(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    // Not there yet, or the link is a moment older than its disk: the caller looks again.
    return undefined;
  }
}

/** A block device's `stat` size is 0; the kernel says it in sectors of 512 bytes. */
function measureBytes(path: string): number {
  const stat = statSync(path);
  if (stat.isFile()) return stat.size;
  if (!stat.isBlockDevice()) throw new AgentError("disk-missing", `${path} is not a disk`);
  return Number(readFileSync(`/sys/class/block/${basename(path)}/size`, "utf8")) * 512;
}
