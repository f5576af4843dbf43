/** What a helper is told in its user data. Pure: preflight makes the same job to see whether it fits. */

import { type HelperSide, type Job, TRANSFER_PORT } from "../../agent/contract.ts";
import type { CopyRequest, HelperRequest } from "./copy-request.ts";
import type { Limits } from "./limits.ts";

const GIB = 2 ** 30;

export interface JobPlan {
  readonly runId: string;
  readonly attempt: number;
  readonly side: HelperSide;
  readonly listens: boolean;
  /** Their index is the volume's name on the wire. */
  readonly volumes: readonly { readonly deviceName: string; readonly sizeGib: number }[];
  readonly limits: Pick<Limits, "leaseMs">;
}

export function helperJob(request: CopyRequest, plan: JobPlan): Job {
  const { runId: run, attempt, side, listens, volumes, limits } = plan;
  return {
    version: 1,
    run,
    attempt,
    side,
    listens,
    port: TRANSFER_PORT,
    disks: volumes.map(({ deviceName, sizeGib }) => ({ deviceName, sizeBytes: sizeGib * GIB })),
    leaseMs: limits.leaseMs,
    timeoutMs: request.timeoutMinutes * 60_000,
    ...nodeArchivesFor(request.helper[side]),
  };
}

/** `uname -m` of what EC2 names otherwise. */
const MACHINE_NAMES = { arm64: "aarch64", x86_64: "x86_64" } as const;

function nodeArchivesFor({ nodeArchives }: HelperRequest): Pick<Job, "nodeArchives"> {
  if (nodeArchives === undefined) return {};
  const entries = (["arm64", "x86_64"] as const).flatMap((architecture) => {
    const archive = nodeArchives[architecture];
    if (archive === undefined) return [];
    return [[MACHINE_NAMES[architecture], `${archive.sha256} ${archive.url}`]];
  });
  return { nodeArchives: Object.fromEntries(entries) };
}

/**
 * Device names for the disks of a job: `/dev/sdf` … `/dev/sdz`, then `/dev/xvdba` … (EC2's list for
 * HVM instances). The helper's own root is none of them.
 *
 * @returns Fewer than asked for when there are no more.
 */
export function deviceNames(count: number): string[] {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const names = [
    ...letters.slice(5).map((letter) => `/dev/sd${letter}`),
    ...letters.map((letter) => `/dev/xvdb${letter}`),
    ...letters.map((letter) => `/dev/xvdc${letter}`),
  ];
  return names.slice(0, count);
}
