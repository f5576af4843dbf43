/**
 * Datagrams as large as a private path carries: machines with 9001 bytes on a way of 8500, as
 * between peered regions, where what is larger is dropped without a word.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { open, readFile, readlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { HelperSide } from "../../agent/contract.ts";
import { copyImage } from "../../dynamic-providers/workflow/copy-image.ts";
import { preflight } from "../../dynamic-providers/workflow/preflight.ts";
import { requireProgram } from "../../localcloud/isolation/host-programs.ts";
import { bundleAgent, makeUserData } from "../../tools/build.ts";
import { openCloudBench, runId } from "../dynamic-providers/workflow/cloud-bench.ts";
import { obstacle, processesOf } from "./isolated-cloud.ts";

const run = promisify(execFile);
const MIB = 2 ** 20;

/** Counts what arrives by its length: the largest that fits, and what should have been dropped. */
const COUNTERS = `table ip sizes {
  counter fitting {}
  counter larger {}
  chain arriving {
    type filter hook input priority 0;
    meta l4proto udp udp length 8480 counter name fitting
    meta l4proto udp udp length > 8480 counter name larger
  }
}`;

suite("a copy over private addresses", { timeout: 120_000, skip: obstacle }, () => {
  test("sends datagrams of 8472 bytes where the path carries 8500", async () => {
    await using bench = await openCloudBench({ isolation: "namespaces", regionMtuBytes: 8500 });
    const path = join(bench.directory, "disk-0.raw");
    const file = await open(path, "r+");
    await file.write(randomBytes(48 * MIB), 0, 48 * MIB, 0);
    await file.close();
    const disks = [{ deviceName: "/dev/xvda", path }];
    const { imageId } = await bench.cloud.importImage({
      region: "us-east-1",
      name: "jumbo",
      disks,
    });
    const address = "private" as const;
    const request = {
      ...bench.request,
      sourceAmiId: imageId,
      destination: { region: "us-east-1", profile: "aws-2" },
      helper: { source: { address }, destination: { address } },
    };
    const clouds = bench.clouds(request);
    const { problems, identity } = await preflight(request, clouds);
    assert.deepEqual(problems, []);
    assert.ok(identity);
    const boot = await readFile(new URL("../../agent/boot.sh", import.meta.url), "utf8");
    const template = async (side: HelperSide) => makeUserData(boot, (await bundleAgent(side)).code);
    const userDataTemplates = {
      source: await template("source"),
      destination: await template("destination"),
    };
    const context = await bench.context("good", { clouds, userDataTemplates });
    const copying = copyImage(request, { runId: runId(1), ...identity }, context);
    const sizes = watchSizes(dirname(bench.cloud.env.AWS_CONFIG_FILE ?? ""), copying);
    const { image } = await copying;
    assert.equal(image.bytesRead, 2 ** 30);
    const { fitting, larger } = await sizes;
    // 48 MiB that cannot be compressed are 5,900 of them.
    assert.ok(fitting > 3_000, `${fitting} datagrams of 8472 bytes`);
    assert.equal(larger, 0, "the way drops what is larger, and so it is not used");
  });
});

interface Sizes {
  readonly fitting: number;
  readonly larger: number;
}

/** The most that any machine has received of each, looked at until the copy ends. */
async function watchSizes(directory: string, copying: Promise<unknown>): Promise<Sizes> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  copying.then(end, end);
  // Nothing of ours is counted or changed but in a machine.
  const own = await readlink("/proc/self/ns/net");
  const counted = new Map<string, string>();
  const most = { fitting: 0, larger: 0 };
  while (!isOver) {
    for (const pid of processesOf(directory)) {
      const net = `/proc/${pid}/ns/net`;
      const name = await readlink(net).catch(() => "");
      if (name === "" || name === own || counted.has(name) || !(await isMachine(net))) continue;
      // One datagram a packet, also where the kernel is handed many at a time.
      await inside(net, ["ip", "link", "set", "eth0", "gso_max_segs", "1"]);
      await inside(net, ["nft", COUNTERS]);
      counted.set(name, net);
    }
    for (const net of counted.values()) {
      most.fitting = Math.max(most.fitting, await countOf(net, "fitting"));
      most.larger = Math.max(most.larger, await countOf(net, "larger"));
    }
    await sleep(50);
  }
  return most;
}

async function inside(net: string, [program = "", ...words]: readonly string[]): Promise<string> {
  const command = [`--net=${net}`, requireProgram(program), ...words];
  return (await run(requireProgram("nsenter"), command)).stdout;
}

const isMachine = (net: string) =>
  inside(net, ["ip", "link", "show", "eth0"]).then(
    () => true,
    () => false,
  );

async function countOf(net: string, name: string): Promise<number> {
  // The machine may have ended since.
  const text = await inside(net, ["nft", "list", "counter", "ip", "sizes", name]).catch(() => "");
  return Number(/packets (\d+)/.exec(text)?.[1] ?? 0);
}
