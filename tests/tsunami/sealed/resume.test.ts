/** What an earlier try has brought is not sent again; and how a session is taken up after a death. */

import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  openSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { Socket } from "node:net";
import { after, beforeEach, test } from "node:test";
import { leafDigest } from "../../../tsunami/sealed/digest.ts";
import { KeptLeaves } from "../../../tsunami/sealed/kept-leaves.ts";
import { runSession, type SessionReport } from "../../../tsunami/sealed/session.ts";
import { digestOf, makeSessionPair, type SessionPair } from "../../support/loopback-sessions.ts";

const MIB = 1 << 20;
let pair: SessionPair;
const made: SessionPair[] = [];

beforeEach(async () => {
  pair = await makeSessionPair();
  made.push(pair);
});

after(() => {
  for (const one of made) one.remove();
});

const source = (index = 0) => pair.sources[index]?.path ?? "";
const target = (index = 0) => pair.targets[index]?.path ?? "";

function write(path: string, bytes: Buffer, at: number): void {
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

/** Both reports of a session that must end well, with equal disks. */
async function copy(...run: Parameters<SessionPair["run"]>): Promise<readonly SessionReport[]> {
  const reports = (await pair.run(...run)).map((result) => {
    assert.ok(result.status === "fulfilled", String((result as PromiseRejectedResult).reason));
    return result.value;
  });
  for (const [index, { path }] of pair.targets.entries()) {
    assert.equal(digestOf(path), digestOf(source(index)));
    assert.equal(reports[1]?.digests[index], digestOf(path));
  }
  return reports;
}

for (const senderListens of [true, false]) {
  test(`what is on the target already is not sent again; the ${senderListens ? "sender" : "receiver"} listens`, async () => {
    pair.addVolume([randomBytes(9 * MIB), 70 * MIB, randomBytes(3 * MIB + 512)]);
    pair.addVolume([randomBytes(2 * MIB)]);
    pair.addVolume([MIB, randomBytes(MIB)]);
    copyFileSync(source(0), target(0));
    write(target(0), Buffer.alloc(10, 7), 4 * MIB + 100); // One leaf is another,
    write(target(0), randomBytes(100), 40 * MIB); // one should be a hole,
    truncateSync(target(0), 80 * MIB + 5); // and the end is missing.
    const reports = await copy(senderListens);
    for (const { bytesKept, bytesSent, bytesResent } of reports) {
      assert.equal(bytesKept, 8 * MIB + MIB, "nine leaves of the first volume");
      const fresh = bytesSent - bytesResent;
      assert.ok(fresh > 6 * MIB && fresh < 8 * MIB, `sent ${fresh}`);
    }
  });
}

test("a blank target has nothing to tell, and nothing is kept", async () => {
  pair.addVolume([randomBytes(2 * MIB)]);
  pair.addVolume([3 * MIB]);
  writeFileSync(target(1), "");
  const reports = await copy(true);
  assert.deepEqual(
    reports.map(({ bytesKept }) => bytesKept),
    [0, 0],
  );
});

test("a target as full as its source costs next to nothing", async () => {
  pair.addVolume([randomBytes(20 * MIB)]);
  copyFileSync(source(), target());
  const [report] = await copy(true);
  assert.equal(report?.bytesKept, 20 * MIB);
  assert.ok((report?.bytesSent ?? MIB) < 10_000, `sent ${report?.bytesSent}`);
});

/** A receiver in a process of its own that has brought at least so much. */
async function startReceiver(leastBytes: number): Promise<ChildProcess> {
  const job = {
    ...pair.options("receiver", true),
    role: "receiver",
    psk: pair.psk.toString("hex"),
  };
  const program = new URL("../../support/receiver-process.ts", import.meta.url);
  const child = fork(program, [JSON.stringify(job)], { stdio: "ignore" });
  const limit = performance.now() + 30_000;
  const brought = () => (statSync(target(), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  while (brought() < leastBytes) {
    assert.ok(performance.now() < limit && child.exitCode === null, "nothing comes");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

test("a receiver killed with SIGKILL goes on, with new keys, where its disk stands", async () => {
  pair.addVolume([randomBytes(24 * MIB)]);
  const rateCapBitsPerSecond = 80e6;
  const first = runSession({ ...pair.options("sender", true), rateCapBitsPerSecond });
  const failed = assert.rejects(first, { code: "peer-lost" });
  const child = await startReceiver(8 * MIB);
  const gone = once(child, "exit");
  const killedAt = performance.now();
  child.kill("SIGKILL");
  await Promise.all([failed, gone]);
  assert.ok(performance.now() - killedAt < 25_000, "the survivor did not wait half a minute");
  pair.psk.set(randomBytes(32));
  const [report] = await copy(true);
  assert.ok(report);
  // A busy machine loses on loopback, too: what went twice is not counted.
  const { bytesKept, bytesSent, bytesResent } = report;
  assert.ok(bytesKept >= 7 * MIB, `kept ${bytesKept}`);
  assert.ok(bytesSent - bytesResent < 19 * MIB, `sent ${bytesSent}, ${bytesResent} twice`);
});

test("a caller whose listener was killed knows it when nobody listens there any more", async () => {
  pair.addVolume([randomBytes(24 * MIB)]);
  const job = {
    ...pair.options("receiver", false),
    role: "receiver",
    psk: pair.psk.toString("hex"),
  };
  const program = new URL("../../support/receiver-process.ts", import.meta.url);
  const child = fork(program, [JSON.stringify(job)], { stdio: "ignore" });
  const gone = once(child, "exit");
  let killedAt = 0;
  const sender = runSession({
    ...{ ...pair.options("sender", false), rateCapBitsPerSecond: 20e6 },
    onProgress: () => {
      killedAt ||= performance.now();
      child.kill("SIGKILL");
    },
  });
  await assert.rejects(sender, { code: "peer-lost", message: /ECONNREFUSED/ });
  assert.ok(performance.now() - killedAt < 20_000);
  await gone;
});

for (const senderListens of [true, false]) {
  test(`connections that break before both sides said hello cost nothing; the ${senderListens ? "sender" : "receiver"} listens`, async () => {
    pair.addVolume([randomBytes(MIB)]);
    let broken = 0;
    // Breaks connections as they are made, at either end and at various moments.
    const handles = process as unknown as { _getActiveHandles(): unknown[] };
    const breaker = setInterval(() => {
      const begun = (statSync(target(), { throwIfNoEntry: false })?.blocks ?? 0) > 0;
      for (const handle of begun || broken > 12 ? [] : handles._getActiveHandles()) {
        if (!(handle instanceof Socket) || !handle.remotePort) continue;
        if (handle.remotePort !== pair.port && handle.localPort !== pair.port) continue;
        handle.destroy();
        broken += 1;
      }
    }, 3);
    await copy(senderListens).finally(() => clearInterval(breaker));
    assert.ok(broken > 3, `broken ${broken} times`);
  });
}

test("files of a sender that is long done reading do not end up with the garbage collector", async () => {
  for (let index = 0; index < 6; index += 1) pair.addVolume([randomBytes(MIB)]);
  const workerEntry = new URL("../../support/gc-disk-entry.ts", import.meta.url);
  await copy(true, (_, options) => ({ ...options, workerEntry, rateCapBitsPerSecond: 25e6 }));
});

test("what a receiver says it has is compared leaf by leaf; gaps and nonsense are not had", async () => {
  const kept = new KeptLeaves([{ path: "", sizeBytes: 6 * MIB }]);
  kept.expect([0]);
  const ones = leafDigest(Buffer.alloc(MIB, 1));
  const digests = "7njNKdOlNHEAAAAAAAAAAA==";
  const word = { volume: 0, from: 1, to: 3, digests };
  for (const nonsense of [
    ...[{ from: -1 }, { to: 7 }, { from: 3, to: 1 }, { from: 0.5, to: 2.5 }],
    ...[{ digests: "AAAA" }, { volume: 1 }, { from: "1" as unknown as number }],
    ...[{ from: { toString: [] } as never }, { to: { toString: [] } as never }],
  ]) {
    kept.hear({ ...word, ...nonsense });
  }
  kept.hear(word);
  kept.hear({ ...word, from: 0, to: 2 });
  kept.hear({ ...word, from: 5, to: 6, digests: "" });
  const had: boolean[] = [];
  for (let leaf = 0; leaf < 6; leaf += 1) had.push(await kept.has(0, leaf, ones));
  assert.deepEqual(had, [false, true, false, false, false, false]);
  assert.equal(await kept.has(1, 0, ones), false);
});
