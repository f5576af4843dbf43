/**
 * The job description, from user data. It is ours, but it is outside text: everything is checked
 * before it is believed, above all the device names, since disks get overwritten by them.
 */

import { AgentError } from "./agent-error.ts";
import { type Job, RUN_ID_PATTERN } from "./contract.ts";
import { DISKS_MAX } from "./limits.ts";

const DAY_MS = 86_400_000;
const SECTOR_BYTES = 512;

/** @throws AgentError `bad-job`, naming the field. */
export function parseJob(text: string): Job {
  const job = parseObject(text);
  const { disks } = job;
  check(job.version === 1, "version must be 1");
  check(typeof job.run === "string" && RUN_ID_PATTERN.test(job.run), "run must be 16 hex digits");
  check(isWhole(job.attempt, 1, 1e9), "attempt must be a whole number from 1");
  check(job.side === "source" || job.side === "destination", "side must be source or destination");
  check(typeof job.listens === "boolean", "listens must be true or false");
  check(isWhole(job.port, 1, 65535), "port must be 1 to 65535");
  check(isWhole(job.leaseMs, 1, DAY_MS), "leaseMs must be at most a day");
  check(isWhole(job.timeoutMs, 1, 30 * DAY_MS), "timeoutMs must be at most 30 days");
  check(
    Array.isArray(disks) && disks.length > 0 && disks.length <= DISKS_MAX,
    `disks must be a list of 1 to ${DISKS_MAX}`,
  );
  const names = new Set<unknown>();
  for (const [index, disk] of (disks as Record<string, unknown>[]).entries()) {
    const { deviceName, sizeBytes } = Object(disk) as Record<string, unknown>;
    const where = `disks[${index}]`;
    check(
      typeof deviceName === "string" && /^\/dev\/[a-z0-9]{2,16}$/.test(deviceName),
      `${where}.deviceName must be like /dev/sdf`,
    );
    check(!names.has(deviceName), `${where}.deviceName is there twice`);
    names.add(deviceName);
    check(
      isWhole(sizeBytes, 1, 2 ** 50) && sizeBytes % SECTOR_BYTES === 0,
      `${where}.sizeBytes must be whole sectors`,
    );
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

function check(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new AgentError("bad-job", `job description: ${rule}`);
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}
