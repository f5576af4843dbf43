/**
 * What can happen to a helper, one after the other, with real machines and a stand-in agent, or the
 * real one where the fault is its own to find: the copy goes on, or one sentence names the helper and
 * the limit; nothing is left either way. The network between two helpers is cut in
 * tests/isolation/cut.test.ts.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { isCopyError } from "../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../dynamic-providers/workflow/copy-image.ts";
import { removeImage } from "../../dynamic-providers/workflow/remove-image.ts";
import { systemClock } from "../../dynamic-providers/workflow/run-context.ts";
import { obstacleTo } from "../../localcloud/faults/disk.ts";
import type { FaultPlanInput } from "../../localcloud/localcloud.ts";
import {
  type Behaviour,
  openCloudBench,
  QUICK,
  runId,
} from "../dynamic-providers/workflow/cloud-bench.ts";

const bench = await openCloudBench();
const noisy = await importNoise();
after(() => bench[Symbol.asyncDispose]());

type Fault = FaultPlanInput["faults"][number];

const onSource = { side: "source" } as const;
/** The first intact line of a helper stands on its console. */
const spoken = { when: { console: "amicopy1 1" } } as const;
/** It is introduced: before, a busy controller may not even have seen that it runs. */
const introduced = { when: { console: "amicopy1 0" } } as const;
const SOURCE = "the source helper i-\\S+ \\(us-east-1\\)";

interface Case {
  readonly fault: Fault;
  /** The error's first line; absent: the copy goes on. */
  readonly says?: RegExp;
  /** Shorter ones, in milliseconds, of the wait that has to end. */
  readonly limits?: Partial<typeof QUICK>;
  /** Of the stand-in; or the agent itself, with a disk that does not compress. */
  readonly agent?: Behaviour | "real";
  readonly skip?: string | undefined;
}

/** Longer than a boot on a busy machine would make each of these tests slow. */
const SHORT_MS = 1500;

const CASES: Readonly<Record<string, Case>> = {
  "is killed": {
    fault: { fault: "instance", does: "is-killed", ...onSource, ...introduced },
    says: new RegExp(`^${SOURCE} is (?:shutting-down|terminated)`),
    agent: "waits",
  },
  "is terminated by somebody": {
    fault: { fault: "instance", does: "is-terminated", ...onSource, ...introduced },
    says: new RegExp(`^${SOURCE} is (?:shutting-down|terminated) \\(Client.UserInitiatedShutdown`),
    agent: "waits",
  },
  "is stopped by somebody": {
    fault: { fault: "instance", does: "is-stopped", ...onSource, ...introduced },
    says: new RegExp(`^${SOURCE} is stopp`),
    agent: "waits",
  },
  "shuts itself down": {
    fault: { fault: "instance", does: "shuts-down", ...onSource, ...introduced },
    says: new RegExp(`^${SOURCE} is (?:shutting-down|terminated)`),
    agent: "waits",
  },
  "hangs for good": {
    fault: { fault: "instance", does: "hangs", ...onSource, ...spoken },
    limits: { introductionMs: SHORT_MS, silenceMs: SHORT_MS },
    // The line that it says as it stops may be torn: then it has never said hello.
    says: /^(?:the \w+ helper i-\S+ \(us-\S+\) (?:has not begun to copy|has said nothing new) for 1\.5 s|gave up waiting for the source helper i-\S+ \(us-east-1\) to say hello on its console after 20 s)/,
  },
  "hangs for a second": {
    fault: { fault: "instance", does: "hangs", forMs: 1000, ...onSource, ...spoken },
  },
  "stays pending": {
    fault: { fault: "instance", does: "stays-pending", ...onSource },
    limits: { launchMs: SHORT_MS },
    says: /^gave up waiting for instance i-\S+ in us-east-1 to run after 1\.5 s/,
  },
  "never boots": {
    fault: { fault: "instance", does: "never-boots", ...onSource },
    limits: { helloMs: 4000 },
    says: new RegExp(`^gave up waiting for ${SOURCE} to say hello on its console after 4 s`),
  },
  "fails to launch, as with a key that may not be used": {
    fault: { fault: "instance", does: "fails-to-launch", ...onSource },
    says: /^instance i-\S+ in us-east-1 is (?:shutting-down|terminated) before it ran: .*KMS/,
  },
  "has a console a second late": { fault: { fault: "console-lag", ms: 1000 } },
  "shows control characters": { fault: { fault: "console-text", shows: "control-characters" } },
  "shows lines that somebody forged": { fault: { fault: "console-text", shows: "forged-lines" } },
  "shows megabytes of garbage": { fault: { fault: "console-text", shows: "megabytes" } },
  "finds no room in one zone": {
    fault: { fault: "capacity", ...onSource, zone: "us-east-1b" },
  },
  "finds no room anywhere": {
    fault: { fault: "capacity", ...onSource },
    says: /^no room for the source helper: tried \S+,.{1,300} in us-east-1a, .{1,300} \(InsufficientInstanceCapacity\)$/,
  },
  "cannot read its disk": {
    fault: { fault: "disk", does: "read-error", ...onSource, device: "/dev/sdf" },
    agent: "real",
    says: new RegExp(`^${SOURCE} failed: disk-io: .*EIO`),
    skip: obstacleTo({ does: "read-error" }),
  },
  "cannot write its disk": {
    fault: { fault: "disk", does: "write-error", side: "destination" },
    agent: "real",
    says: /^the destination helper i-\S+ \(us-gov-west-1\) failed: disk-io: .*EFBIG/,
  },
  "has a full disk": {
    fault: { fault: "disk", does: "no-space", side: "destination", device: "/dev/sdf" },
    agent: "real",
    says: /^the destination helper i-\S+ \(us-gov-west-1\) failed: disk-io: .*ENOSPC/,
    skip: obstacleTo({ does: "no-space" }),
  },
};

suite("a helper that", { timeout: 240_000 }, () => {
  for (const [index, [what, one]] of Object.entries(CASES).entries()) {
    const { fault, says, limits, agent = "good", skip } = one;
    const end = says === undefined ? "does not stop the copy" : "is told in one sentence";
    test(`${what} ${end}, and nothing is left`, { skip: skip ?? false }, async () => {
      const identity = await bench.identity(runId(index + 1));
      const standIn = agent === "real" ? "good" : agent;
      const context = await bench.context(standIn, {
        limits: { ...QUICK, ...limits },
        ...(agent === "real" && { userDataTemplates: await builtTemplates() }),
      });
      const sourceAmiId = agent === "real" ? noisy.imageId : bench.imageId;
      await bench.cloud.setFaults({ faults: [fault] });
      const fired = bench.cloud.firedFaults.length;
      try {
        const copying = copyImage({ ...bench.request, sourceAmiId }, identity, context);
        if (says === undefined) await goesOn(copying);
        else await isTold(copying, says);
        assert.ok(bench.cloud.firedFaults.length > fired, "the fault did not come about");
      } finally {
        await bench.cloud.setFaults({ faults: [] });
      }
      assert.deepEqual(await bench.leftovers(), []);
    });
  }
});

async function goesOn(copying: ReturnType<typeof copyImage>): Promise<void> {
  const { image } = await copying;
  await removeImage(image, bench.clouds().destination, { clock: systemClock, limits: QUICK });
}

async function isTold(copying: Promise<unknown>, says: RegExp): Promise<void> {
  await assert.rejects(copying, (error) => {
    assert.ok(isCopyError(error), String(error));
    const [sentence = ""] = error.message.split("\n");
    assert.match(sentence, says);
    assert.deepEqual(error.leftBehind, []);
    return true;
  });
}

/** 4 MiB that do not compress: more than a disk takes that fails early. */
async function importNoise() {
  const path = join(bench.directory, "noise.raw");
  const noise = createHash("shake256", { outputLength: 4 << 20 })
    .update("noise")
    .digest();
  await writeFile(path, noise);
  await truncate(path, 2 ** 30);
  const disks = [{ deviceName: "/dev/xvda", path }];
  const image = await bench.cloud.importImage({ region: "us-east-1", name: "noise", disks });
  bench.spare(image.imageId, ...image.snapshotIds);
  return image;
}

/** As `npm test` has built them. */
async function builtTemplates() {
  const built = (side: string) =>
    readFile(new URL(`../../dist/agent/${side}.sh`, import.meta.url), "utf8");
  return { source: await built("source"), destination: await built("destination") };
}
