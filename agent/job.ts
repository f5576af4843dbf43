/**
 * The job description, from user data. It is ours, but it is outside text: everything is checked
 * before it is believed, above all the device names, since disks get overwritten by them.
 */

import { AgentError } from "./agent-error.ts";
import { type Job, RUN_ID_PATTERN } from "./contract.ts";
import { DISKS_MAX } from "./limits.ts";

const DAY_MS = 86_400_000;

/** @throws AgentError `bad-job`, naming the field. */
export function parseJob(text: string): Job {
  const job = parseObject(text);
  const { run, side, listens } = job;
  check("version", job.version === 1);
  check("run", typeof run === "string" && RUN_ID_PATTERN.test(run));
  check("attempt", isWhole(job.attempt, 1e9));
  check("side", side === "source" || side === "destination");
  check("listens", typeof listens === "boolean");
  check("port", isWhole(job.port, 65535));
  check("leaseMs", isWhole(job.leaseMs, DAY_MS));
  check("timeoutMs", isWhole(job.timeoutMs, 30 * DAY_MS));
  const disks: Record<string, unknown>[] = Array.isArray(job.disks) ? job.disks : [];
  check("disks", isWhole(disks.length, DISKS_MAX));
  const names = new Set<unknown>();
  for (const [index, disk] of disks.entries()) {
    const { deviceName, sizeBytes } = Object(disk) as Record<string, unknown>;
    const isName = typeof deviceName === "string" && /^\/dev\/[a-z0-9]{2,16}$/.test(deviceName);
    check(`disks[${index}].deviceName`, isName && !names.has(deviceName));
    names.add(deviceName);
    check(`disks[${index}].sizeBytes`, isWhole(sizeBytes, 2 ** 50) && sizeBytes % 512 === 0);
  }
  return job as unknown as Job;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    throw new AgentError("bad-job", "job description: not JSON");
  }
}

function check(field: string, isRight: boolean): void {
  if (!isRight) throw new AgentError("bad-job", `job description: wrong ${field}`);
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= max;
}
