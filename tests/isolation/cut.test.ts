/**
 * The network between the helpers is cut in the middle of a copy: for some seconds, and for good.
 * The workflow in this process, the helpers in namespaces, a link slow enough to be in the middle.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeConsoleLines, type HelperSide } from "../../agent/contract.ts";
import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import { createProgress } from "../../dynamic-providers/progress.ts";
import { isCopyError } from "../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../dynamic-providers/workflow/copy-image.ts";
import type { CopyResult } from "../../dynamic-providers/workflow/copy-request.ts";
import type { RunContext } from "../../dynamic-providers/workflow/run-context.ts";
import type { ImportedImage } from "../../localcloud/admin.ts";
import { bundleAgent, makeUserData } from "../../tools/build.ts";
import {
  type CloudBench,
  exchange,
  openCloudBench,
  QUICK,
  runId,
} from "../dynamic-providers/workflow/cloud-bench.ts";
import { eventually, obstacle } from "./isolated-cloud.ts";

const MB = 1_000_000;
const DATA_BYTES = 18 * MB;
/** They take nine seconds and more: a cut after two thirds is in the middle. */
const LINK = { rateMbit: 16, roundTripMs: 100, lossPercent: 1 };
const CUT_MS = 3000;
const LOST =
  /^the (source|destination) helper i-\w+ \(us-\S+\) failed: peer-lost: no word from the peer for 6 s/;
/** Instead of 100 s, so that a test can wait for it. */
const SILENCE_MS = 6000;

suite("a cut in the middle of a copy", { timeout: 240_000, skip: obstacle }, () => {
  let bench: CloudBench;
  let golden: ImportedImage;
  let path: string;

  before(async () => {
    bench = await openCloudBench({ isolation: "namespaces", link: LINK });
    path = join(bench.directory, "noise.raw");
    const file = await open(path, "w");
    // It does not compress.
    const noise = createHash("shake256", { outputLength: DATA_BYTES }).update("noise").digest();
    await file.write(noise);
    await file.truncate(2 ** 30);
    await file.close();
    const disks = [{ deviceName: "/dev/xvda", path }];
    golden = await bench.cloud.importImage({ region: "us-east-1", name: "noise", disks });
  });
  after(() => bench?.[Symbol.asyncDispose]());

  /** Copies; `onConfirmed` is called once, when at least so many bytes are known to be over. */
  async function copy(
    id: number,
    userDataTemplates: RunContext["userDataTemplates"],
    { fromBytes, onConfirmed }: { fromBytes: number; onConfirmed: (bytes: number) => void },
  ) {
    let confirmed = false;
    const watched = (ec2: Ec2): Ec2 =>
      exchange(ec2, {
        async consoleOutput(instanceId) {
          const text = await ec2.consoleOutput(instanceId);
          const bytes = bytesDone(text);
          if (!confirmed && bytes >= fromBytes) {
            confirmed = true;
            onConfirmed(bytes);
          }
          return text;
        },
      });
    const { source, destination } = bench.clouds();
    const clouds = { source: watched(source), destination: watched(destination) };
    const request = { ...bench.request, sourceAmiId: golden.imageId, timeoutMinutes: 3 };
    // Four processes and a compiler may be busy beside it.
    const limits = { ...QUICK, helloMs: 60_000, introductionMs: 60_000 };
    const context = await bench.context("good", { userDataTemplates, clouds, limits });
    return copyImage(request, await bench.identity(runId(id)), context);
  }

  /** What is there beside the image that was imported. */
  async function leftovers(): Promise<string[]> {
    const own = [golden.imageId, ...golden.snapshotIds];
    const all = await bench.leftovers();
    return all.filter((line) => !own.some((id) => line.includes(id)));
  }

  const launches = () =>
    bench.cloud.calls.filter(({ action, outcome }) => action === "RunInstances" && outcome === "ok")
      .length;

  test("of some seconds: the copy waits and goes on where it was", async (t) => {
    const cut = Promise.withResolvers<number>();
    let settled = false;
    const userDataTemplates = await templates((code) => code);
    const middle = { fromBytes: (2 * DATA_BYTES) / 3, onConfirmed: cut.resolve };
    const copying = copy(1, userDataTemplates, middle).finally(() => {
      settled = true;
      cut.resolve(0);
    });
    copying.catch(() => {});
    const confirmedBytes = await cut.promise;
    await bench.cloud.network?.cutRegions();
    await sleep(CUT_MS);
    assert.equal(settled, false, "it went on without a network");
    await bench.cloud.network?.joinRegions();
    const result = await copying;
    const { image } = result;
    assert.equal(launches(), 2, "the same two helpers all the way");
    const { bytesSent, bytesResent } = image;
    const figures = `${bytesSent} bytes sent, ${bytesResent} of them twice, of ${DATA_BYTES}; ${confirmedBytes} were confirmed at the cut`;
    t.diagnostic(figures);
    assert.ok(bytesResent > 0 && bytesSent - bytesResent >= DATA_BYTES, figures);
    // What a start on a slow link loses and what was under way at the cut went twice, 3 to 6 MB on a
    // busy machine. A copy that begins again sends all that was confirmed once more.
    assert.ok(bytesResent < confirmedBytes, figures);
    assert.match(summaryOf(result), /MB sent \(\d\.\d MB of it twice\)/);
    const copied = join(bench.directory, "copy.raw");
    const snapshotId = image.rootSnapshotId;
    await bench.cloud.exportSnapshot({ region: "us-gov-west-1", snapshotId, path: copied });
    assert.ok((await startOf(copied)).equals(await startOf(path)));
    const expected = [`image ${image.imageId} available`, `snapshot ${snapshotId} completed`];
    assert.deepEqual(await leftovers(), expected);
  });

  test("for good: one sentence says what was lost, and nothing is left", async () => {
    const before = await leftovers();
    const userDataTemplates = await templates((code) => {
      const shorter = code.replace(/\b1e5\b/, String(SILENCE_MS));
      assert.notEqual(shorter, code);
      return shorter;
    });
    let cutting: Promise<void> | undefined;
    const onConfirmed = () => {
      cutting = bench.cloud.network?.cutRegions();
    };
    const copying = copy(2, userDataTemplates, { fromBytes: 1, onConfirmed });
    await assert.rejects(copying, (error) => {
      assert.ok(isCopyError(error, "helper-failed"));
      const [sentence = ""] = error.message.split("\n");
      assert.match(sentence, LOST);
      return true;
    });
    await cutting;
    await eventually("all is gone", async () => (await leftovers()).length === before.length);
    assert.deepEqual(await leftovers(), before);
  });
});

/** What a helper has said last to be over for good; its data come first, then only holes. */
function bytesDone(console: string): number {
  const told = decodeConsoleLines(console).flatMap(({ message }) =>
    message.type === "progress" ? message.bytesDone : [],
  );
  return told.at(-1) ?? 0;
}

/** What stays on the screen after a copy. */
function summaryOf(result: CopyResult): string {
  const lines: string[] = [];
  const note = (_urn: string | undefined, text: string) => void lines.push(text);
  const log = { status: () => {}, note, warn: note, isEngineThere: async () => true };
  createProgress({ log, quiet: true, now: () => 0 }).summarize(result);
  return lines.join("\n");
}

/** The noise and what follows it; the digests have proved the rest. */
async function startOf(path: string): Promise<Buffer> {
  const file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(2 * DATA_BYTES), 0, 2 * DATA_BYTES, 0);
  await file.close();
  return buffer;
}

async function templates(change: (code: string) => string): Promise<Record<HelperSide, string>> {
  const boot = await readFile(new URL("../../agent/boot.sh", import.meta.url), "utf8");
  const one = async (side: HelperSide) =>
    makeUserData(boot, change((await bundleAgent(side)).code));
  return { source: await one("source"), destination: await one("destination") };
}
