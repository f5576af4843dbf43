/** The classic receiver in mid-transfer with a sender that stalls, floods, lies, leaves or repeats. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createConnection, createServer, type Socket as TcpSocket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ControlStream } from "../../../tsunami/classic/control-stream.ts";
import type { ReceiveSettings } from "../../../tsunami/classic/receive-file.ts";
import {
  encodeFileInformation,
  encodeName,
  encodeParameters,
  encodePort,
  encodeRequests,
  encodeRevision,
  proveSecret,
  type Request,
} from "../../../tsunami/classic/wire.ts";
import { ADDRESS, connect, filesIn, makeFolders, SECRET, SETTINGS, serve } from "./loopback.ts";

const BLOCK = 256;
const BLOCKS = 40;
const PATIENT: ReceiveSettings = {
  ...SETTINGS,
  silenceTimeoutMs: 20_000,
  progressTimeoutMs: 20_000,
};
const HASTY: ReceiveSettings = { ...SETTINGS, silenceTimeoutMs: 300, progressTimeoutMs: 400 };

interface EvilSender {
  readonly port: number;
  readonly tcp: TcpSocket;
  readonly udp: Socket;
  /** A datagram of the transfer: as it should be, unless changed. */
  block(number: number, type?: string, bytes?: Buffer): void;
  /** Until the test ends. */
  keep(work: () => void): void;
}

/** Plays the handshake of one file of {@link BLOCKS} blocks, then does what the test says. */
async function evilSender(
  test: TestContext,
  act: (sender: EvilSender) => void,
  announce: Partial<Parameters<typeof encodeFileInformation>[0]> = {},
): Promise<number> {
  const file = { sizeBytes: BLOCKS * BLOCK, blockSizeBytes: BLOCK, blockCount: BLOCKS };
  const information = encodeFileInformation({ ...file, epochSeconds: 0, ...announce });
  const udp = createSocket("udp4");
  test.after(() => udp.close());
  const server = createServer((tcp) => {
    test.after(() => tcp.destroy());
    tcp.on("error", () => {});
    const hello = [encodeRevision(), Buffer.alloc(64), Buffer.from([0])];
    tcp.write(Buffer.concat([...hello, Buffer.from([0]), information]));
    let heard = Buffer.alloc(0);
    const before = 4 + 16 + 2 + 20;
    const start = (part: Buffer): void => {
      heard = Buffer.concat([heard, part]);
      if (heard.length < before + 2) return;
      tcp.off("data", start);
      const port = heard.readUInt16BE(before);
      const block = (number: number, type = "O", data = Buffer.alloc(BLOCK, 7)): void => {
        const datagram = Buffer.alloc(6 + data.length);
        datagram.writeUInt32BE(number, 0);
        datagram.writeUInt16BE(type.charCodeAt(0), 4);
        data.copy(datagram, 6);
        udp.send(datagram, port, ADDRESS, () => {});
      };
      const keep = (work: () => void): void => {
        const timer = setInterval(work, 5);
        test.after(() => clearInterval(timer));
      };
      act({ port, tcp, udp, block, keep });
    };
    tcp.on("data", start);
  });
  test.after(() => server.close());
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, ADDRESS, resolve);
  await promise;
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Fetches from the evil one: it must fail with a reason and leave no file. */
async function fails(
  test: TestContext,
  port: number,
  settings: ReceiveSettings,
  reason: { code: string; message?: RegExp },
): Promise<void> {
  const { received } = makeFolders(test);
  const receiver = await connect(test, port);
  await assert.rejects(receiver.get("a", join(received, "a"), settings), reason);
  assert.deepEqual(filesIn(received), []);
}

describe("classic receiver in mid-transfer", { timeout: 200_000 }, () => {
  it("gives up when the sender stalls after some blocks", async (test) => {
    const port = await evilSender(test, ({ block }) => {
      for (const number of [1, 2, 3]) block(number);
    });
    await fails(test, port, HASTY, { code: "peer-lost", message: /silent .* after \d of 40/ });
  });

  it("gives up when datagrams flood in and nothing is new", async (test) => {
    const port = await evilSender(test, ({ block, keep }) => {
      keep(() => {
        for (let count = 0; count < 200; count++) block(1 + (count % 3), "R");
      });
    });
    await fails(test, port, HASTY, { code: "peer-lost", message: /none of the \d+ blocks|silent/ });
  });

  it("gives up on the last block repeated for ever", async (test) => {
    const port = await evilSender(test, ({ block, keep }) => keep(() => block(BLOCKS, "X")));
    await fails(test, port, HASTY, { code: "peer-lost", message: /none of the \d+ blocks|silent/ });
  });

  it("counts datagrams of wrong length, type or number as junk, and still wants its blocks", async (test) => {
    const port = await evilSender(test, ({ block, keep }) => {
      keep(() => {
        block(0);
        block(BLOCKS + 1);
        block(1, "Z");
        block(1, "O", randomBytes(BLOCK - 1));
        block(1, "O", randomBytes(BLOCK + 1));
        block(1, "O", Buffer.alloc(0));
      });
    });
    await fails(test, port, HASTY, { code: "peer-unreachable", message: /no datagram/ });
  });

  it("is told at once when the sender leaves, after any number of blocks", async (test) => {
    for (const count of [0, 1, BLOCKS - 1]) {
      const port = await evilSender(test, ({ block, tcp }) => {
        for (let number = 1; number <= count; number++) block(number);
        setTimeout(() => tcp.destroy(), 50);
      });
      await fails(test, port, PATIENT, { code: "peer-lost", message: /closed the connection/ });
    }
  });

  it("ends a transfer in which the sender speaks, which it never does", async (test) => {
    const port = await evilSender(test, ({ tcp }) => tcp.write("x"));
    await fails(test, port, PATIENT, { code: "protocol" });
  });

  it("believes no size that this disk could not hold, before a block is sent", async (test) => {
    const sizeBytes = 2 ** 39;
    const absurd = { sizeBytes, blockCount: sizeBytes / BLOCK };
    const port = await evilSender(test, () => {}, absurd);
    await fails(test, port, PATIENT, { code: "disk-io", message: /room for/ });
  });

  it("takes blocks in any order and many times over, each whole from one copy", async (test) => {
    const port = await evilSender(test, ({ block, keep }) => {
      let turn = 0;
      keep(() => {
        turn += 1;
        for (let number = BLOCKS; number >= 1; number--) {
          // The last one to come is block 1, late: until then everything else is repeated, altered.
          if (number > 1 || turn > 3) block(number, "R", Buffer.alloc(BLOCK, turn));
        }
      });
    });
    const { received } = makeFolders(test);
    const receiver = await connect(test, port);
    const report = await receiver.get("a", join(received, "a"), PATIENT);
    assert.equal(report.missingBlocks, 0);
    assert.ok(report.uselessDatagrams >= 2 * (BLOCKS - 1));
    assert.deepEqual(filesIn(received), ["a"]);
    const bytes = readFileSync(join(received, "a"));
    for (let at = 0; at < bytes.length; at += BLOCK) {
      assert.deepEqual(bytes.subarray(at, at + BLOCK), Buffer.alloc(BLOCK, bytes[at]));
    }
  });

  it("leaves another transfer alone, however evil its own sender is", async (test) => {
    const bytes = randomBytes(300_000);
    const { served, received } = makeFolders(test);
    const honest = await serve(test, served, { good: bytes });
    const evil = await evilSender(test, ({ block, keep }) => {
      keep(() => {
        for (let count = 0; count < 100; count++) block(1 + (count % 3), "R");
      });
    });
    const bad = fails(test, evil, HASTY, { code: "peer-lost" });
    const receiver = await connect(test, honest.port);
    const report = await receiver.get("good", join(received, "good"), SETTINGS);
    assert.equal(report.missingBlocks, 0);
    await bad;
  });
});

/** What an evil receiver says after the file name, again and again. */
const CALLS: Readonly<Record<string, readonly Request[]>> = {
  "asks for blocks that are none": [0, 1, 2].flatMap((type) =>
    [0, 2 ** 31, 2 ** 32 - 1].map((blockNumber) => ({ type: type % 2, blockNumber, errorRate: 0 })),
  ),
  "asks for the beginning without end": [{ type: 1, blockNumber: 1, errorRate: 0 }],
  "reports absurd error rates": [{ type: 3, blockNumber: 0, errorRate: 2 ** 32 - 1 }],
  "says what is no request": [{ type: 65_535, blockNumber: 7, errorRate: 7 }],
};

describe("classic sender in mid-transfer", { timeout: 200_000 }, () => {
  for (const [what, requests] of Object.entries(CALLS)) {
    it(`serves another receiver while one ${what}, and says nothing more`, async (test) => {
      const bytes = randomBytes(200_000);
      const { served, received } = makeFolders(test);
      const haste = { heartbeatTimeoutMs: 300, handshakeTimeoutMs: 5000 };
      const sender = await serve(test, served, { a: bytes }, haste);
      const tcp = createConnection(sender.port, ADDRESS);
      test.after(() => tcp.destroy());
      const stream = new ControlStream(tcp);
      stream.write(encodeRevision());
      const read = { what: "the sender's bytes", timeoutMs: 10_000 };
      const challenge = (await stream.read(68, read)).subarray(4);
      stream.write(proveSecret(challenge, SECRET));
      stream.write(encodeName("a"));
      stream.write(encodeParameters(SETTINGS.parameters));
      stream.write(encodePort(9));
      const flood = encodeRequests(Array.from({ length: 200 }, () => requests).flat());
      stream.write(flood);
      const receiver = await connect(test, sender.port, { replyTimeoutMs: 20_000 });
      const report = await receiver.get("a", join(received, "a"), PATIENT);
      assert.equal(report.missingBlocks, 0);
      assert.deepEqual(readFileSync(join(received, "a")), bytes);
      receiver.close();
      // Then it is silent, and its session ends by the heartbeat.
      const deadline = performance.now() + 20_000;
      while (!stream.ended && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.ok(stream.ended, "ended");
    });
  }

  it("serves on when a receiver says any part of its conversation twice", async (test) => {
    const { served, received } = makeFolders(test);
    const haste = { heartbeatTimeoutMs: 300, handshakeTimeoutMs: 300, idleTimeoutMs: 300 };
    const sender = await serve(test, served, { a: randomBytes(1000) }, haste);
    const stop = encodeRequests([{ type: 2, blockNumber: 0, errorRate: 0 }]);
    const parts = [encodeName("a"), encodeParameters(SETTINGS.parameters), encodePort(9), stop];
    for (let twice = -1; twice <= parts.length; twice++) {
      const tcp = createConnection(sender.port, ADDRESS);
      const stream = new ControlStream(tcp);
      const greeting = encodeRevision();
      stream.write(twice === -1 ? Buffer.concat([greeting, greeting]) : greeting);
      const read = { what: "the sender's bytes", timeoutMs: 10_000 };
      const challenge = (await stream.read(68, read)).subarray(4);
      const proof = proveSecret(challenge, SECRET);
      stream.write(twice === parts.length ? Buffer.concat([proof, proof]) : proof);
      stream.write(
        Buffer.concat(parts.flatMap((part, at) => (at === twice ? [part, part] : part))),
      );
      tcp.end();
      const deadline = performance.now() + 20_000;
      while (!stream.ended && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.ok(stream.ended, `part ${twice}`);
      tcp.destroy();
    }
    const receiver = await connect(test, sender.port, { replyTimeoutMs: 20_000 });
    await receiver.get("a", join(received, "a"), PATIENT);
  });
});
