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
import type { HelperSide } from "../../agent/contract.ts";
import { isCopyError } from "../../dynamic-providers/workflow/copy-error.ts";
import { copyImage } from "../../dynamic-providers/workflow/copy-image.ts";
import type { RunContext } from "../../dynamic-providers/workflow/run-context.ts";
import type { ImportedImage } from "../../localcloud/admin.ts";
import { bundleAgent, makeUserData } from "../../tools/build.ts";
import {
  type CloudBench,
  openCloudBench,
  QUICK,
  runId,
} from "../dynamic-providers/workflow/cloud-bench.ts";
import { eventually, obstacle } from "./isolated-cloud.ts";

const MB = 1_000_000;
const DATA_BYTES = 12 * MB;
/** They take six seconds and more: a cut after the first word of progress is in the middle. */
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

  /** Copies; `onCopying` is called once, when the first bytes are over. */
  async function copy(id: number, context: Partial<RunContext>, onCopying: () => void) {
    let copying = false;
    const report = (_what: string, text: string): void => {
      if (copying || !/^copying \d+% · [1-9]/.test(text)) return;
      copying = true;
      onCopying();
    };
    const request = { ...bench.request, sourceAmiId: golden.imageId, timeoutMinutes: 3 };
    // Four processes and a compiler may be busy beside it.
    const limits = { ...QUICK, helloMs: 60_000, introductionMs: 60_000 };
    const whole = await bench.context("good", { ...context, limits, report });
    return copyImage(request, await bench.identity(runId(id)), whole);
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
    const cut = Promise.withResolvers<void>();
    let settled = false;
    const userDataTemplates = await templates((code) => code);
    const copying = copy(1, { userDataTemplates }, cut.resolve).finally(() => {
      settled = true;
      cut.resolve();
    });
    copying.catch(() => {});
    await cut.promise;
    await bench.cloud.network?.cutRegions();
    await sleep(CUT_MS);
    assert.equal(settled, false, "it went on without a network");
    await bench.cloud.network?.joinRegions();
    const { image } = await copying;
    assert.equal(launches(), 2, "the same two helpers all the way");
    assert.ok(image.bytesSent < 1.5 * DATA_BYTES, `${image.bytesSent} bytes sent`);
    const { bytesSent, bytesResent } = image;
    assert.ok(bytesResent > 0 && bytesSent - bytesResent >= DATA_BYTES, `${bytesResent} twice`);
    t.diagnostic(`${bytesSent} bytes sent, ${bytesResent} of them twice, of ${DATA_BYTES}`);
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
    const copying = copy(2, { userDataTemplates }, () => {
      cutting = bench.cloud.network?.cutRegions();
    });
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
