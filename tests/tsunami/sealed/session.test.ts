/** Whole sessions over every kind of socket, on 127.0.0.1: what arrives, and how they end when they must. */

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket, Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, Socket } from "node:net";
import { after, beforeEach, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { runSession, type SessionOptions } from "../../../tsunami/sealed/session.ts";
import { missing } from "../../support/grounds.ts";
import { digestOf, makeSessionPair, type SessionPair } from "../../support/loopback-sessions.ts";
import { SESSION_NETWORKS } from "../../support/session-networks.ts";

const MIB = 1 << 20;
let pair: SessionPair;
const made: SessionPair[] = [];

after(() => {
  for (const one of made) one.remove();
  const left = process.getActiveResourcesInfo();
  const own = left.filter((name) => /Timeout|UDP|TCP|TLS|Worker|MessagePort/.test(name));
  assert.deepEqual(own, [], "nothing of any session is left");
});

/** The code of a rejected session. */
function codeOf(result: PromiseSettledResult<unknown> | undefined): string {
  assert.ok(result?.status === "rejected", "should have failed");
  return result.reason.code;
}

const KINDS = ["plain", "batched", "memory"] as const;

/** Each test has a pair of sides over this kind of socket. */
function useNetwork(kind: (typeof KINDS)[number]): void {
  beforeEach(async () => {
    pair = await makeSessionPair(SESSION_NETWORKS[kind]());
    made.push(pair);
  });
}

for (const kind of KINDS) {
  describe(`sessions over ${kind} sockets`, { skip: missing(kind) }, () => {
    useNetwork(kind);

    for (const senderListens of [true, false]) {
      test(`disks of every kind arrive whole when the ${senderListens ? "sender" : "receiver"} listens`, async () => {
        const text = Buffer.from("the quick brown fox ".repeat(300_000)).subarray(0, 5 * MIB);
        pair.addVolume([randomBytes(12 * MIB), 9 * MIB, text, 100 * MIB + 512, randomBytes(512)]);
        pair.addVolume([3 * MIB]);
        pair.addVolume([randomBytes(100_001)]);
        pair.addVolume([]);
        pair.addVolume([20_000, randomBytes(20 * MIB), Buffer.alloc(MIB, 1), 7]);
        const told: [number, string][] = [];
        const results = await pair.run(senderListens, (role, options) => ({
          ...options,
          ...(role === "receiver" && { onVolume: (index, digest) => told.push([index, digest]) }),
        }));
        const digests = pair.sources.map(({ path }) => digestOf(path));
        for (const result of results) {
          assert.ok(
            result.status === "fulfilled",
            String((result as PromiseRejectedResult).reason),
          );
          assert.deepEqual(result.value.digests, digests);
          assert.equal(
            result.value.bytesRead,
            pair.sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
          );
          const { bytesSent, bytesResent } = result.value;
          assert.ok(bytesSent - bytesResent < 42 * MIB, "holes cost nothing");
        }
        assert.deepEqual(told.sort(), [...digests.entries()]);
        for (const [index, { path, sizeBytes }] of pair.targets.entries()) {
          assert.equal(statSync(path).size, sizeBytes);
          assert.equal(digestOf(path), digests[index]);
        }
        assert.ok(
          statSync(pair.targets[0]?.path ?? "").blocks * 512 < 30 * MIB,
          "holes stay holes",
        );
      });
    }

    test("old content of the target does not shine through holes", async () => {
      pair.addVolume([randomBytes(MIB), 4 * MIB, randomBytes(MIB)]);
      writeFileSync(pair.targets[0]?.path ?? "", randomBytes(7 * MIB));
      const results = await pair.run(true);
      assert.deepEqual(
        results.map(({ status }) => status),
        ["fulfilled", "fulfilled"],
      );
      assert.equal(digestOf(pair.targets[0]?.path ?? ""), digestOf(pair.sources[0]?.path ?? ""));
    });

    test("a source of other length, and one that is not there, end both sides with the reason", async () => {
      pair.addVolume([randomBytes(MIB)]);
      const shorter = (role: string, options: SessionOptions): SessionOptions =>
        role === "receiver"
          ? { ...options, waits: { connectMs: 300 } }
          : { ...options, volumes: [{ path: pair.sources[0]?.path ?? "", sizeBytes: MIB + 1 }] };
      const [sender, receiver] = await pair.run(false, shorter);
      assert.equal(codeOf(sender), "disk-size");
      assert.equal(codeOf(receiver), "peer-unreachable");
      pair.sources[0] = { path: `${pair.folder}/none`, sizeBytes: MIB };
      const [missing] = await pair.run(false, (role, options) =>
        role === "receiver" ? { ...options, waits: { connectMs: 300 } } : options,
      );
      assert.equal(codeOf(missing), "disk-io");
    });

    test("a control connection that breaks again and again is replaced, and nothing is lost", async () => {
      pair.addVolume([randomBytes(12 * MIB)]);
      let broken = 0;
      let running = false;
      const handles = process as unknown as { _getActiveHandles(): unknown[] };
      const breaker = setInterval(() => {
        // Not for ever: a busy machine may need longer for a new one than there is between two breaks.
        for (const handle of running && broken < 8 ? handles._getActiveHandles() : []) {
          if (!(handle instanceof Socket) || handle.remotePort !== pair.port) continue;
          handle.destroy();
          broken += 1;
        }
      }, 300);
      const results = await pair.run(false, (_, options) => ({
        ...options,
        rateCapBitsPerSecond: 40e6,
        onProgress: () => {
          running = true;
        },
      }));
      clearInterval(breaker);
      assert.deepEqual(
        results.map((result) =>
          result.status === "rejected" ? String(result.reason) : "fulfilled",
        ),
        ["fulfilled", "fulfilled"],
      );
      assert.ok(broken > 1, `broken ${broken} times`);
    });

    test("a target that is not what was written is found out by the digests", async () => {
      pair.addVolume([randomBytes(2 * MIB)]);
      const path = pair.targets[0]?.path ?? "";
      const spoil = setInterval(() => {
        try {
          if (statSync(path).blocks > 0) writeFileSync(path, "spoiled", { flag: "r+" });
        } catch {
          // Not there yet.
        }
      }, 1);
      const results = await pair.run(true, (_, options) => ({
        ...options,
        rateCapBitsPerSecond: 20e6,
      }));
      clearInterval(spoil);
      assert.deepEqual(results.map(codeOf), ["digest-mismatch", "digest-mismatch"]);
    });

    test("a stop ends a session at once, in whatever it is", async () => {
      pair.addVolume([randomBytes(30 * MIB)]);
      const waiting = new AbortController();
      const alone = runSession({ ...pair.options("sender", true), signal: waiting.signal });
      setImmediate(() => waiting.abort());
      await assert.rejects(alone, { code: "stopped" });
      const moving = new AbortController();
      const results = await pair.run(true, (role, options) => ({
        ...options,
        rateCapBitsPerSecond: 20e6,
        ...(role === "sender" && { signal: moving.signal, onProgress: () => moving.abort() }),
      }));
      assert.deepEqual(results.map(codeOf), ["stopped", "peer-lost"]);
    });
  });
}

for (const kind of ["plain", "batched"] as const) {
  describe(`sessions and strangers over ${kind} sockets`, { skip: missing(kind) }, () => {
    useNetwork(kind);

    test("sides that were given different sizes do not start", async () => {
      pair.addVolume([randomBytes(MIB)]);
      const volumes = [{ path: pair.targets[0]?.path ?? "", sizeBytes: 2 * MIB }];
      const results = await pair.run(true, (role, options) =>
        role === "receiver" ? { ...options, volumes } : options,
      );
      assert.deepEqual(results.map(codeOf), ["protocol", "protocol"]);
    });

    for (const [what, wrong] of [
      ["key", { psk: randomBytes(32) }],
      ["identity", { pskIdentity: "somebody" }],
    ] as const) {
      test(`a wrong ${what} is refused`, async () => {
        pair.addVolume([MIB]);
        // The listener goes on listening to others: it must not stop before the caller has come.
        const waits = { connectMs: 6000 };
        const results = await pair.run(true, (role, options) =>
          role === "receiver" ? { ...options, ...wrong } : { ...options, waits },
        );
        assert.deepEqual(results.map(codeOf), ["peer-refused", "peer-refused"]);
      });
    }

    test("a peer that never comes, or never answers, is waited for no longer than allowed", async () => {
      pair.addVolume([MIB]);
      for (const listens of [true, false]) {
        const options = { ...pair.options("sender", listens), waits: { connectMs: 400 } };
        const started = performance.now();
        await assert.rejects(runSession(options), { code: "peer-unreachable" });
        assert.ok(performance.now() - started < 10_000);
      }
    });

    test("strangers on both ports are dropped, and the session goes on", async () => {
      pair.addVolume([randomBytes(8 * MIB)]);
      const junk = createSocket("udp4");
      const noise = setInterval(() => {
        for (const bytes of [0, 1, 22, 60, 1472]) {
          junk.send(randomBytes(bytes), pair.port, "127.0.0.1", () => {});
        }
      }, 2);
      const talkers = Array.from({ length: 6 }, () => {
        const socket = connect(pair.port, "127.0.0.1", () => socket.write(randomBytes(300)));
        return socket.on("error", () => {});
      });
      const stranger = connectTls({
        ...{ host: "127.0.0.1", port: pair.port, ciphers: "TLS_AES_128_GCM_SHA256" },
        pskCallback: () => ({ psk: randomBytes(32), identity: "amicopy-test-1" }),
        checkServerIdentity: () => undefined,
      }).on("error", () => {});
      const results = await pair.run(true, (_, options) => ({
        ...options,
        rateCapBitsPerSecond: 100e6,
      }));
      clearInterval(noise);
      junk.close();
      stranger.destroy();
      for (const socket of talkers) socket.destroy();
      assert.deepEqual(
        results.map(({ status }) => status),
        ["fulfilled", "fulfilled"],
      );
      assert.ok(
        readFileSync(pair.targets[0]?.path ?? "").equals(readFileSync(pair.sources[0]?.path ?? "")),
      );
    });

    test("a peer that is killed is missed, and the survivor says so", async () => {
      pair.addVolume([randomBytes(12 * MIB)]);
      const options = pair.options("receiver", true);
      const job = { ...options, role: "receiver", psk: pair.psk.toString("hex") };
      const program = new URL("../../support/receiver-process.ts", import.meta.url);
      const child = fork(program, [JSON.stringify(job)], { stdio: "ignore" });
      const gone = once(child, "exit");
      const sender = runSession({
        ...pair.options("sender", true),
        rateCapBitsPerSecond: 20e6,
        waits: { againMs: 300 },
        onProgress: () => child.kill("SIGKILL"),
      });
      await assert.rejects(sender, { code: "peer-lost" });
      await gone;
    });
  });
}

/** Longer than any datagram on the loopback, shorter than a batch. */
const BATCH_BYTES = 9000;

test("a kernel that begins to refuse batches in the middle of a session gets datagrams, and all arrives", {
  skip: missing("batched"),
}, async (t) => {
  pair = await makeSessionPair(SESSION_NETWORKS.batched());
  made.push(pair);
  pair.addVolume([randomBytes(16 * MIB)]);
  let taken = 0;
  let refused = 0;
  let afterwards = 0;
  type Send = (bytes: Buffer, port: number, to: string, sent: (error?: Error) => void) => void;
  const send = UdpSocket.prototype.send as Send;
  // No kernel here does this; some do on devices that cannot check sums.
  const refuse: Send = function (this: UdpSocket, bytes, port, to, sent) {
    if (bytes.length > BATCH_BYTES && taken > 50) {
      refused += 1;
      process.nextTick(sent, new Error("send EIO"));
      return;
    }
    if (bytes.length > BATCH_BYTES) taken += 1;
    if (refused > 0) afterwards += 1;
    send.call(this, bytes, port, to, sent);
  };
  t.mock.method(UdpSocket.prototype, "send", refuse as UdpSocket["send"]);
  const results = await pair.run(true);
  assert.deepEqual(
    results.map((result) => (result.status === "rejected" ? String(result.reason) : "fulfilled")),
    ["fulfilled", "fulfilled"],
  );
  assert.equal(digestOf(pair.targets[0]?.path ?? ""), digestOf(pair.sources[0]?.path ?? ""));
  assert.ok(refused > 0 && refused < 50, `${refused} batches were refused`);
  assert.ok(afterwards > 1000, `${afterwards} datagrams after that`);
});

test("a path's width is found out although the receiver was there later than the sender", async () => {
  const plain = SESSION_NETWORKS.plain();
  const lateMs = 300;
  let widest = 0;
  pair = await makeSessionPair((bind, onDatagrams) => {
    const openedAt = performance.now();
    return plain(bind, (batch, port, address) => {
      const receives = bind.port === 0;
      if (receives && performance.now() - openedAt < lateMs) return;
      if (receives) widest = Math.max(widest, batch.length);
      onDatagrams(batch, port, address);
    });
  });
  made.push(pair);
  pair.addVolume([randomBytes(16 * MIB)]);
  const results = await pair.run(true);
  assert.ok(results.every(({ status }) => status === "fulfilled"));
  assert.ok(widest > 8000, `${widest} bytes was the widest of the loopback`);
});
