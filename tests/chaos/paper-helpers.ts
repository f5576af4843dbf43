/**
 * Helpers without processes: machines of paper that read their job from the user data and speak the
 * contract in this process. They copy the first MiB of each disk for real, in milliseconds, so that
 * a thousand copies can be tried. What real machines do is tried elsewhere, with real machines.
 */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import {
  decodePeer,
  encodeConsoleLine,
  type HelperMessage,
  type Job,
  Tag,
} from "../../agent/contract.ts";
import type { Machinery } from "../../localcloud/machinery.ts";
import type { MachineSpec } from "../../localcloud/machines/machine.ts";
import { paperMachinery } from "../localcloud/paper-machinery.ts";

/** Of both helpers; the job is put in by the workflow, as into the real script. */
export const PAPER_TEMPLATE = "#!paper\n@JOB@\n";

const MIB = 2 ** 20;
/** How often a helper looks at its tags. */
const LOOK_MS = 3;
/** Ours: long enough that leases are renewed and the fence is looked at while they copy. */
const COPY_MS = 70;

/** What the sources have read, by run and attempt, until their destination takes it. */
type Wire = Map<string, readonly Buffer[]>;

export function paperHelpers(): Machinery {
  const paper = paperMachinery();
  const wire: Wire = new Map();
  return {
    ...paper,
    // The holes of a source image need not be read either.
    importDisk: async (from, to) => {
      await paper.cloneDisk(from, to);
      const file = await open(to);
      const { size } = await file.stat();
      await file.close();
      return size;
    },
    bootMachine: async (spec) => {
      const life = new AbortController();
      const machine = await paper.bootMachine(spec);
      const say = (text: string) => machine.writeConsole(Buffer.from(`${text}\n`));
      live(spec, { say, wire, signal: life.signal }).catch((error: unknown) => {
        if (!life.signal.aborted) throw error;
      });
      return {
        ...machine,
        crash: () => life.abort(),
        stop: async () => {
          life.abort();
          await machine.stop();
        },
      };
    },
  };
}

interface Outside {
  readonly say: (text: string) => void;
  readonly wire: Wire;
  readonly signal: AbortSignal;
}

/** Works, or ends with its lease, as the real agent does. */
async function live(spec: MachineSpec, outside: Outside): Promise<void> {
  const [, json = ""] = gunzipSync(spec.userData).toString().split("\n");
  const job: Job = JSON.parse(json);
  const { signal } = outside;
  const lease = watchLease(spec, job.leaseMs, signal);
  await Promise.race([work(spec, job, outside), lease]);
  await lease;
}

async function watchLease(spec: MachineSpec, leaseMs: number, signal: AbortSignal): Promise<void> {
  let seen: string | undefined;
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < leaseMs) {
    await sleep(Math.min(100, leaseMs / 10), undefined, { signal });
    const counter = spec.metadata().tags?.[Tag.lease];
    if (counter === seen) continue;
    seen = counter;
    sinceMs = performance.now();
  }
  spec.onShutdown();
}

async function work(spec: MachineSpec, job: Job, { say, wire, signal }: Outside): Promise<void> {
  let sequence = 0;
  const tell = (message: HelperMessage) => {
    const isState = message.type !== "progress";
    if (isState) sequence += 1;
    say(encodeConsoleLine({ sequence: isState ? sequence : 0, message }));
  };
  const isSource = job.side === "source";
  const publicKey = (isSource ? "S" : "D").repeat(43);
  tell({ type: "hello", publicKey, node: process.version });
  const until = async <Answer>(look: () => Answer | undefined): Promise<Answer> => {
    for (;;) {
      const answer = look();
      if (answer !== undefined) return answer;
      await sleep(LOOK_MS, undefined, { signal });
    }
  };
  await until(() => decodePeer(spec.metadata().tags?.[Tag.peer] ?? ""));
  const place = `${job.run} ${job.attempt}`;
  const bytesTotal = job.disks.length * MIB;
  tell({ type: "progress", bytesTotal, bytesDone: 0, rateBitsPerSecond: 1e6, lossRatio: 0 });
  await sleep(COPY_MS, undefined, { signal });
  const contents: Buffer[] = [];
  if (isSource) {
    for (const index of job.disks.keys()) contents.push(await readDisk(pathOf(spec, job, index)));
    wire.set(place, contents);
  } else {
    contents.push(...(await until(() => wire.get(place))));
    wire.delete(place);
    for (const [index, content] of contents.entries()) {
      await writeDisk(pathOf(spec, job, index), content);
    }
  }
  signal.throwIfAborted();
  tell({
    type: "progress",
    bytesTotal,
    bytesDone: bytesTotal,
    rateBitsPerSecond: 1e6,
    lossRatio: 0,
  });
  for (const [index, content] of contents.entries()) {
    tell({ type: "volume", index, digest: createHash("sha256").update(content).digest("hex") });
  }
  tell({
    type: "done",
    bytesRead: bytesTotal,
    bytesSent: bytesTotal,
    bytesResent: 0,
    durationMs: 1,
  });
}

function pathOf({ disks }: MachineSpec, job: Job, index: number): string {
  const deviceName = job.disks[index]?.deviceName;
  const disk = disks.find((one) => one.deviceName === deviceName);
  if (disk === undefined) throw new Error(`no disk ${deviceName}`);
  return disk.path;
}

async function readDisk(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    return (await file.read(Buffer.alloc(MIB), 0, MIB, 0)).buffer;
  } finally {
    await file.close();
  }
}

async function writeDisk(path: string, content: Buffer): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(content, 0, content.length, 0);
  } finally {
    await file.close();
  }
}
