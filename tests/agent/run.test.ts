/** The life of a helper, in virtual time: the good story, and every way it can go wrong. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { encodePeer, type Job, Tag } from "../../agent/contract.ts";
import { makeIdentity } from "../../agent/introduction.ts";
import * as limits from "../../agent/limits.ts";
import { runHelper } from "../../agent/run.ts";
import { sender } from "../../tsunami/sealed/sender.ts";
import type { SessionOptions } from "../../tsunami/sealed/session.ts";
import { FakeMachine } from "./fake-machine.ts";

const MINUTE_MS = 60_000;
const DIGEST = "ab".repeat(32);
const job: Job = {
  version: 1,
  run: "0123456789abcdef",
  attempt: 1,
  side: "source",
  listens: true,
  port: 46224,
  disks: [
    { deviceName: "/dev/sdf", sizeBytes: 1024 },
    { deviceName: "/dev/sdg", sizeBytes: 512 },
  ],
  leaseMs: 30 * MINUTE_MS,
  timeoutMs: 600 * MINUTE_MS,
};
const report = {
  digests: [DIGEST, DIGEST],
  bytesRead: 1536,
  bytesSent: 2000,
  bytesResent: 10,
  bytesKept: 0,
  durationMs: 12.5,
};
const peer = { publicKey: makeIdentity().publicKey, address: "127.9.9.8", port: 4000 };

let machine: FakeMachine;
beforeEach(() => {
  machine = new FakeMachine();
  machine.addDisk("sdf", 1024);
  machine.addDisk("sdg", 512);
});
afterEach(() => machine.remove());

function run(change: Partial<Job> = {}): Promise<string> {
  return machine.finish(runHelper(JSON.stringify({ ...job, ...change }), machine));
}

/** A controller that renews the lease until a moment, and acknowledges what it hears. */
function control({ untilMs = Infinity, acknowledges = true } = {}): void {
  machine.onLook = (nowMs) => {
    if (nowMs > untilMs) return;
    machine.setTag(Tag.lease, String(Math.floor(nowMs / MINUTE_MS)));
    const heard = Math.max(0, ...machine.lines().map((line) => line.sequence));
    if (acknowledges) machine.setTag(Tag.acknowledged, String(heard));
  };
}

/** An engine that ends only when it is cut. */
function copyForever({ signal }: SessionOptions): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () =>
      reject(Object.assign(new Error("stopped"), { code: "stopped" })),
    );
  });
}

test("a copy is told in order: hello, each volume, done; then the lease keeps the machine", async () => {
  control({ untilMs: 60 * MINUTE_MS });
  machine.setTag(Tag.peer, encodePeer(peer));
  let options: SessionOptions | undefined;
  machine.runSession = async (given) => {
    options = given;
    given.onVolume?.(0, DIGEST);
    given.onVolume?.(1, DIGEST);
    return report;
  };
  assert.equal(await run(), "done");
  const states = machine.lines().map(({ sequence, message }) => `${sequence} ${message.type}`);
  assert.deepEqual([...new Set(states)], ["1 hello", "2 volume", "3 volume", "4 done"]);
  assert.deepEqual(machine.heard("done"), {
    type: "done",
    bytesRead: 1536,
    bytesSent: 2000,
    bytesResent: 10,
    durationMs: 13,
  });
  assert.ok(machine.nowMs() >= 89 * MINUTE_MS, "waited for the end of the lease");
  assert.equal(options?.role, sender);
  assert.equal(options?.listens, true);
  assert.equal(options?.localAddress, "127.9.9.9");
  assert.equal(options?.peerAddress, "127.9.9.8");
  assert.equal(options?.port, 46224, "the listener's own port");
  assert.equal(options?.psk.length, 32);
  assert.deepEqual(
    options?.volumes.map(({ sizeBytes }) => sizeBytes),
    [1024, 512],
  );
});

test("the helper that does not listen goes to the peer's port", async () => {
  control({ untilMs: 0 });
  machine.setTag(Tag.peer, encodePeer(peer));
  let options: SessionOptions | undefined;
  machine.runSession = async (given) => {
    options = given;
    return report;
  };
  await run({ listens: false });
  assert.equal(options?.port, 4000);
});

test("hello is repeated until it is acknowledged, and no session starts without a peer", async () => {
  control({ acknowledges: false });
  assert.equal(await run(), "timed-out");
  assert.match(machine.heard("failed")?.message ?? "", /waited 1800 s for the other helper/);
  const hellos = machine.lines().filter(({ message }) => message.type === "hello");
  assert.ok(hellos.length > 50, `${hellos.length} times`);
});

test("a hostile peer tag is ignored, and the right one still counts", async () => {
  const hostile = [
    "",
    "x",
    `${"A".repeat(43)}:127.0.0.1:0`,
    `${"A".repeat(43)}:999.0.0.1:1`,
    `${"A".repeat(43)}:127.0.0.1:1\nX: y`,
    "A".repeat(256),
  ];
  machine.onLook = (nowMs) => {
    machine.setTag(Tag.lease, String(nowMs));
    machine.setTag(Tag.peer, hostile.shift() ?? encodePeer(peer));
  };
  let address: string | undefined;
  machine.runSession = async (options) => {
    address = options.peerAddress;
    throw Object.assign(new Error("enough"), { code: "peer-lost" });
  };
  assert.equal(await run(), "peer-lost");
  assert.equal(address, "127.9.9.8");
});

test("the peer that was told first stays", async () => {
  machine.setTag(Tag.peer, encodePeer(peer));
  let address: string | undefined;
  machine.runSession = async (options) => {
    machine.setTag(Tag.peer, encodePeer({ ...peer, address: "127.6.6.6" }));
    await machine.pause(10 * MINUTE_MS);
    address = options.peerAddress;
    return report;
  };
  await run();
  assert.equal(address, "127.9.9.8");
});

test("a peer key without a shared secret ends it", async () => {
  control();
  machine.setTag(Tag.peer, encodePeer({ ...peer, publicKey: "A".repeat(43) }));
  assert.equal(await run(), "peer-refused");
});

test("a bad job is said, and the machine goes when that is heard", async () => {
  control();
  assert.equal(await machine.finish(runHelper("{", machine)), "bad-job");
  assert.match(machine.heard("failed")?.message ?? "", /not JSON/);
  assert.ok(machine.nowMs() < 10_000);
});

test("a job of the other side is refused: this bundle cannot do it", async () => {
  control({ untilMs: MINUTE_MS });
  assert.equal(await run({ side: "destination" }), "bad-job");
  assert.match(machine.heard("failed")?.message ?? "", /destination/);
});

test("a failure that nobody hears is repeated for two minutes, then the machine goes", async () => {
  assert.equal(await machine.finish(runHelper("{", machine)), "bad-job");
  assert.ok(machine.nowMs() >= limits.FAREWELL_MS && machine.nowMs() < limits.FAREWELL_MS + 5_000);
  const times = machine.lines().filter(({ message }) => message.type === "failed").length;
  assert.ok(times >= 8, `${times} times`);
});

test("a disk that never appears is named after five minutes", async () => {
  control();
  const disks = [...job.disks, { deviceName: "/dev/sdh", sizeBytes: 512 }];
  assert.equal(await run({ disks }), "disk-missing");
  assert.match(machine.heard("failed")?.message ?? "", /waited 300 s for the disks \/dev\/sdh/);
});

test("a disk that appears late is waited for", async () => {
  const disks = [...job.disks, { deviceName: "/dev/sdh", sizeBytes: 512 }];
  machine.onLook = (nowMs) => {
    if (nowMs > MINUTE_MS) machine.addDisk("sdh", 512);
  };
  machine.setTag(Tag.peer, encodePeer(peer));
  machine.runSession = async () => report;
  assert.equal(await run({ disks }), "done");
});

test("a disk of another size ends it at once", async () => {
  control();
  machine.addDisk("sdg", 1024);
  assert.equal(await run(), "disk-size");
  assert.equal(machine.heard("failed")?.message, "/dev/sdg has 1024 bytes, the job says 512");
  assert.ok(machine.nowMs() < 10_000);
});

test("a session is cut when nobody renews the lease, and that is the reason given", async () => {
  control({ untilMs: 10 * MINUTE_MS });
  machine.setTag(Tag.peer, encodePeer(peer));
  machine.runSession = copyForever;
  assert.equal(await run(), "lease-expired");
  assert.match(machine.heard("failed")?.message ?? "", /amicopy:lease within 1800 s/);
  const minutes = machine.nowMs() / MINUTE_MS;
  assert.ok(minutes >= 40 && minutes < 41, `after ${minutes} minutes`);
});

test("a session is cut when the whole run takes too long, whoever renews the lease", async () => {
  control();
  machine.setTag(Tag.peer, encodePeer(peer));
  machine.runSession = copyForever;
  assert.equal(await run({ timeoutMs: 90 * MINUTE_MS }), "timed-out");
  const minutes = machine.nowMs() / MINUTE_MS;
  assert.ok(minutes >= 90 && minutes < 91, `after ${minutes} minutes`);
});

test("a silent metadata service at boot is named after two minutes", async () => {
  delete machine.metadata["local-ipv4"];
  assert.equal(await run(), "internal");
  assert.match(machine.heard("failed")?.message ?? "", /waited 120 s for the metadata service/);
});

test("a metadata service that fails for a while does not end a copy", async () => {
  machine.setTag(Tag.peer, encodePeer(peer));
  let failing = false;
  machine.onLook = () => {
    if (failing) throw new Error("HTTP 503");
  };
  machine.runSession = async () => {
    failing = true;
    await machine.pause(20 * MINUTE_MS);
    failing = false;
    return report;
  };
  assert.equal(await run(), "done");
});

test("every failure of the engine keeps its name", async () => {
  const codes = ["peer-unreachable", "peer-lost", "digest-mismatch", "disk-io", "protocol"];
  for (const code of codes) {
    machine.setTag(Tag.peer, encodePeer(peer));
    machine.runSession = () => Promise.reject(Object.assign(new Error("why"), { code }));
    assert.equal(await run(), code);
    assert.equal(machine.heard("failed")?.code, code);
  }
});

test("what nobody foresaw is internal, and its text cannot forge a line", async () => {
  control();
  machine.setTag(Tag.peer, encodePeer(peer));
  machine.runSession = () =>
    Promise.reject(
      Object.assign(new Error('\namicopy1 9 {"type":"done"}\u001b[2J'), { code: "EIO" }),
    );
  assert.equal(await run(), "internal");
  assert.equal(machine.heard("done"), undefined);
  assert.ok(!machine.text.includes("\u001b"));
});

test("progress is passed on in whole numbers", async () => {
  control();
  machine.setTag(Tag.peer, encodePeer(peer));
  machine.runSession = async ({ onProgress }) => {
    onProgress({ bytesTotal: 1536, bytesDone: 100, rateBitsPerSecond: 1.7, lossRatio: 0.123456 });
    throw Object.assign(new Error("enough"), { code: "peer-lost" });
  };
  await run();
  assert.deepEqual(machine.heard("progress"), {
    type: "progress",
    bytesTotal: 1536,
    bytesDone: 100,
    rateBitsPerSecond: 2,
    lossRatio: 0.1235,
  });
});

test("nothing secret is on the console", async () => {
  control({ untilMs: 0 });
  machine.setTag(Tag.peer, encodePeer(peer));
  let psk = Buffer.alloc(0);
  machine.runSession = async (options) => {
    psk = Buffer.from(options.psk);
    return report;
  };
  await run();
  assert.equal(psk.length, 32);
  for (const encoding of ["hex", "base64", "base64url", "latin1"] as const) {
    assert.ok(!machine.text.includes(psk.toString(encoding)), encoding);
  }
});
