import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { ControlStream } from "../../../tsunami/classic/control-stream.ts";
import { localName } from "../../../tsunami/classic/local-name.ts";
import {
  encodeName,
  encodeParameters,
  encodePort,
  encodeRequests,
  encodeRevision,
  proveSecret,
} from "../../../tsunami/classic/wire.ts";
import {
  ADDRESS,
  connect,
  eventually,
  filesIn,
  lossySocket,
  makeFolders,
  SECRET,
  SETTINGS,
  scriptedSender,
  serve,
} from "./loopback.ts";
import { controlBytes, recordedSession } from "./recorded-sessions.ts";

const READ = { what: "the sender's bytes", timeoutMs: 20_000 };
const HASTY = { handshakeTimeoutMs: 150, idleTimeoutMs: 150, heartbeatTimeoutMs: 150 };
/** What a receiver says after its proof: fetch `a`, a request of each type, STOP. */
const CONVERSATION = Buffer.concat([
  encodeName("!#DIR??"),
  Buffer.from([0]),
  encodeName("a"),
  encodeParameters(SETTINGS.parameters),
  encodePort(9),
  encodeRequests(
    [3, 0, 1, 2].map((type) => ({ type, blockNumber: type === 3 ? 0 : 2, errorRate: 0 })),
  ),
  encodeName("*"),
  Buffer.from("got size"),
  Buffer.from("got list"),
]);

/** A receiver that passes the handshake, and then is whatever the test makes of it. */
async function handshake(
  test: TestContext,
  port: number,
): Promise<{ socket: Socket; stream: ControlStream }> {
  const socket = createConnection(port, ADDRESS);
  test.after(() => socket.destroy());
  const stream = new ControlStream(socket);
  stream.write(encodeRevision());
  await stream.read(4, READ);
  const challenge = await stream.read(64, READ);
  stream.write(proveSecret(challenge, SECRET));
  await stream.read(1, READ);
  return { socket, stream };
}

/** A hasty sender may take an honest receiver on a busy machine for a slow one: some tries are fair. */
async function stillServes(test: TestContext, port: number, folder: string): Promise<void> {
  for (let tries = 5; ; tries--) {
    try {
      const receiver = await connect(test, port);
      await receiver.get("a", join(folder, "a"), SETTINGS);
      receiver.close();
      return;
    } catch (error) {
      if (tries === 1) throw error;
    }
  }
}

describe("classic sender against hostile receivers", { timeout: 200_000 }, () => {
  it("ends the session, and serves the next, when a receiver closes after any byte", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(1000) }, HASTY);
    for (let length = 0; length <= CONVERSATION.length; length++) {
      const { socket, stream } = await handshake(test, sender.port);
      socket.end(CONVERSATION.subarray(0, length));
      await eventually(`closed after ${length} bytes`, () => stream.ended);
      socket.destroy();
    }
    await stillServes(test, sender.port, received);
  });

  it("ends the session when a receiver closes within the handshake, or says nothing", async (test) => {
    const { served } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(1000) }, HASTY);
    const revision = encodeRevision();
    const beginnings = [...revision.keys()].map((length) => revision.subarray(0, length));
    for (const bytes of [...beginnings, Buffer.concat([revision, Buffer.alloc(15)])]) {
      for (const close of [true, false]) {
        const socket = createConnection(sender.port, ADDRESS);
        const stream = new ControlStream(socket);
        if (close) socket.end(bytes);
        else socket.write(bytes);
        await eventually("closed", () => stream.ended);
        socket.destroy();
      }
    }
    const closed = (): number => sender.events.filter(({ kind }) => kind === "closed").length;
    await eventually("all sessions end", () => closed() === 10);
  });

  it("survives any mutation of what a receiver says", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(1000) }, HASTY);
    const change = fc.record({
      at: fc.nat(CONVERSATION.length - 1),
      value: fc.nat(255),
      repeat: fc.integer({ min: 1, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(CONVERSATION);
        for (const { at, value, repeat } of changes) {
          bytes.fill(value, at, Math.min(bytes.length, at + repeat));
        }
        const { socket, stream } = await handshake(test, sender.port);
        socket.end(bytes);
        await eventually("closed", () => stream.ended);
        socket.destroy();
      }),
      { numRuns: 60 },
    );
    await stillServes(test, sender.port, received);
  });

  it("keeps no answers for a receiver that does not read them", async (test) => {
    const { served } = makeFolders(test);
    const sender = await serve(test, served, { ["a".repeat(250)]: randomBytes(100) }, HASTY);
    const { socket, stream } = await handshake(test, sender.port);
    socket.pause();
    const listings = Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from("!#DIR??\n\0")));
    for (let round = 0; round < 40; round++) stream.write(listings);
    const closed = (): boolean => sender.events.some(({ kind }) => kind === "closed");
    await eventually("closed", closed);
    socket.destroy();
  });

  it("reads no more requests than it can serve, and still hears STOP", async (test) => {
    const { served } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(100_000) });
    const { stream, socket } = await handshake(test, sender.port);
    stream.write(encodeName("a"));
    const slow = { ...SETTINGS.parameters, rateBitsPerSecond: 100_000 };
    stream.write(Buffer.concat([encodeParameters(slow), encodePort(9)]));
    const flood = encodeRequests(
      Array.from({ length: 3000 }, () => ({ type: 0, blockNumber: 1, errorRate: 0 })),
    );
    stream.write(flood);
    stream.write(encodeRequests([{ type: 2, blockNumber: 0, errorRate: 0 }]));
    const finished = (): boolean => sender.events.some(({ kind }) => kind === "finished");
    await eventually("stopped", finished);
    for (let round = 0; round < 1000; round++) stream.write(flood);
    await eventually("closed for its nonsense", () => stream.ended);
    socket.destroy();
  });
});

describe("classic receiver against hostile senders", { timeout: 200_000 }, () => {
  it("fails with a reason, and leaves no file, when a sender closes after any byte", async (test) => {
    const { received } = makeFolders(test);
    const bytes = controlBytes(recordedSession("get-small"), "toReceiver");
    for (let length = 0; length < bytes.length; length++) {
      const { port } = await scriptedSender(test, bytes.subarray(0, length), { close: true });
      const attempt = async (): Promise<void> => {
        const receiver = await connect(test, port);
        const parameters = { ...SETTINGS.parameters, blockSizeBytes: 1024 };
        await receiver.get("small.bin", join(received, "x"), { ...SETTINGS, parameters });
      };
      await assert.rejects(attempt(), { name: "ClassicError" }, `after ${length} bytes`);
    }
    assert.deepEqual(filesIn(received), []);
  });

  it("ends with a reason in bounded time on any mutation of what a sender says", async (test) => {
    const { received } = makeFolders(test);
    const ids = ["get-small", "get-multi", "dir-then-get", "not-found"] as const;
    const change = fc.record({ at: fc.nat(200), value: fc.nat(255) });
    const mutation = fc.tuple(
      fc.constantFrom(...ids),
      fc.array(change, { minLength: 1, maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(mutation, async ([id, changes]) => {
        const bytes = controlBytes(recordedSession(id), "toReceiver");
        for (const { at, value } of changes) bytes[at % bytes.length] = value;
        const { port } = await scriptedSender(test, bytes, { close: false });
        const attempt = async (): Promise<void> => {
          const receiver = await connect(test, port, { replyTimeoutMs: 100 });
          if (id === "dir-then-get") await receiver.list();
          if (id === "get-multi") await receiver.listAll();
          const parameters = { ...SETTINGS.parameters, blockSizeBytes: 1024 };
          const settings = { ...SETTINGS, parameters, silenceTimeoutMs: 100 };
          await receiver.get("one.bin", join(received, "x"), settings);
        };
        await assert.rejects(attempt(), { name: "ClassicError" });
        assert.deepEqual(filesIn(received), []);
      }),
      { numRuns: 40 },
    );
  });

  it("believes no absurd listing", async (test) => {
    const hello = controlBytes(recordedSession("bad-secret"), "toReceiver").subarray(0, 68);
    const lists = [
      "99999999999\0",
      "70000\0a\x001\0",
      "2\0a\0-1\0",
      "x\0",
      `1\0${"y".repeat(2000)}\0`,
    ];
    for (const text of lists) {
      const bytes = Buffer.concat([hello, Buffer.from([0]), Buffer.from(text, "latin1")]);
      const { port } = await scriptedSender(test, bytes, { close: false });
      const receiver = await connect(test, port);
      await assert.rejects(
        receiver.list(),
        { code: "protocol" },
        JSON.stringify(text.slice(0, 20)),
      );
    }
  });

  it("drops datagrams of strangers without harm to the file", async (test) => {
    const { served, received } = makeFolders(test);
    const bytes = randomBytes(50_000);
    const sender = await serve(test, served, { a: bytes });
    const receiver = await connect(test, sender.port);
    const stranger = createSocket("udp4");
    stranger.bind(0, "127.0.0.2");
    test.after(() => stranger.close());
    const forged = Buffer.alloc(262);
    forged.writeUInt32BE(1, 0);
    forged.writeUInt16BE(0x4f, 4);
    const udpPort = 47_300;
    let seen = 0;
    const createUdp = lossySocket(() => {
      if (seen++ < 100) stranger.send(forged, udpPort, ADDRESS);
      return false;
    });
    const report = await receiver.get("a", join(received, "a"), {
      ...SETTINGS,
      udpPort,
      createUdp,
    });
    assert.ok(report.junkDatagrams > 0);
    assert.equal(report.missingBlocks, 0);
  });

  it("writes no name of a sender outside the folder it was given", () => {
    assert.equal(localName("/etc/passwd"), "passwd");
    assert.equal(localName("../../x.bin"), "x.bin");
    assert.equal(localName("a\\b"), "a\\b");
    for (const name of ["", "..", ".", "/", "a/..", "a/", "x\0y"]) {
      assert.throws(() => localName(name), { code: "protocol" });
    }
  });
});
