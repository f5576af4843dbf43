/**
 * `npm run chaos -- --memory N`: N copies with real helpers, one after the other, by one provider
 * process (this one) in one localcloud (another one), and what each process holds of memory. What a
 * copy leaves in memory would show as a slope.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAdmin } from "../../localcloud/admin-client.ts";
import { processesBelow } from "../security/watched-machines.ts";
import { HASTY } from "./chaos-bench.ts";
import { EngineTwin } from "./engine-twin.ts";
import { Fate, startProviderProcess } from "./provider-process.ts";

const CLOUD = join(import.meta.dirname, "memory-cloud.ts");
const LOOK_MS = 100;
/** Copies between two lines of the table. */
const EVERY = 10;

export async function measureMemory(copyCount: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "amicopy-memory-"));
  const cloud = fork(CLOUD, [join(directory, "cloud")], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  try {
    const [environment] = (await once(cloud, "message")) as [Record<string, string>];
    const path = join(directory, "disk.raw");
    await writeDisk(path);
    const disks = [{ deviceName: "/dev/xvda", path }];
    const source = { region: "us-east-1", name: "golden", disks };
    const { imageId } = await connectAdmin(environment).importImage(source);
    await copyMany(copyCount, { environment, imageId, cloudPid: cloud.pid ?? 0 });
  } finally {
    cloud.kill("SIGTERM");
    await once(cloud, "exit");
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Ground {
  readonly environment: Record<string, string>;
  readonly imageId: string;
  readonly cloudPid: number;
}

async function copyMany(count: number, { environment, imageId, cloudPid }: Ground): Promise<void> {
  const userDataTemplate = async (side: string) =>
    readFileSync(new URL(`../../dist/agent/${side}.sh`, import.meta.url), "utf8");
  const process_ = { environment, limits: HASTY, fate: new Fate(), userDataTemplate };
  const provider = startProviderProcess(process_);
  let helperMib = 0;
  const timer = setInterval(() => {
    const helpers = processesBelow(cloudPid).filter((one) => /^node\0/.test(one.args));
    helperMib = Math.max(helperMib, ...helpers.map(({ pid }) => residentMib(pid)));
  }, LOOK_MS);
  console.log("copies  provider  localcloud  largest helper so far (MiB resident)");
  for (let done = 0; done <= count; done++) {
    if (done % EVERY === 0 || done === count) {
      const figures = [residentMib(process.pid), residentMib(cloudPid), helperMib];
      console.log([done, ...figures].map((figure) => String(figure).padStart(8)).join("  "));
    }
    if (done === count) break;
    await copyOnce(provider, imageId);
  }
  clearInterval(timer);
}

async function copyOnce(provider: ReturnType<typeof startProviderProcess>, imageId: string) {
  const engine = new EngineTwin();
  const copy = {
    sourceAmiId: imageId,
    source: { region: "us-east-1", environmentPrefix: "SOURCE_" },
    destination: { region: "us-gov-west-1", environmentPrefix: "DESTINATION_" },
  };
  const up = await engine.up(provider, { golden: copy });
  const destroy = await engine.destroy(provider);
  const problems = [...up.problems, ...destroy.problems];
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

/** 8 MiB that do not compress in 1 GiB of holes. */
async function writeDisk(path: string): Promise<void> {
  const file = await open(path, "w");
  const noise = Buffer.alloc(8 << 20);
  for (let at = 0; at < noise.length; at += 4) {
    noise.writeUInt32LE(Math.imul(at + 1, 2654435761) >>> 0, at);
  }
  await file.write(noise);
  await file.truncate(2 ** 30);
  await file.close();
}

function residentMib(pid: number): number {
  try {
    const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}
