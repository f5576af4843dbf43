import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { truncateSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ControlStream } from "../../../tsunami/classic/control-stream.ts";
import { DEFAULT_PARAMETERS, proveSecret } from "../../../tsunami/classic/wire.ts";
import { ADDRESS, connect, eventually, filesIn, makeFolders, SETTINGS, serve } from "./loopback.ts";
import { type RecordedSession, recordedFile, recordedSession } from "./recorded-sessions.ts";

type Part = RecordedSession["control"][number];

const READ = { what: "the next recorded bytes", timeoutMs: 20_000 };
/** What the two programs make up themselves, and so never repeat. */
const isChallenge = (part: Part): boolean => /challenge: /.test(part.meaning);
const isProof = (part: Part): boolean => /^MD5/.test(part.meaning);
const isPort = (part: Part): boolean => /UDP port/.test(part.meaning);
const isInformation = (part: Part): boolean => /^file size/.test(part.meaning);
const isStop = (part: Part): boolean => /STOP/.test(part.meaning);

/** Datagrams of one UDP socket, as the recordings show them. */
async function datagramSink(
  test: TestContext,
): Promise<{ readonly port: number; readonly datagrams: Buffer[] }> {
  const socket = createSocket("udp4");
  const datagrams: Buffer[] = [];
  socket.on("message", (bytes) => datagrams.push(bytes));
  socket.bind(0, ADDRESS);
  await once(socket, "listening");
  test.after(() => socket.close());
  return { port: socket.address().port, datagrams };
}

/** Lets our sender talk to a recorded receiver. */
async function playReceiver(test: TestContext, session: RecordedSession, port: number) {
  const sink = await datagramSink(test);
  const socket = createConnection(port, ADDRESS);
  test.after(() => socket.destroy());
  const stream = new ControlStream(socket);
  const lasts = session.datagrams.filter(({ type }) => type === "X");
  let challenge: Buffer = Buffer.alloc(0);
  for (const part of session.control) {
    const recorded = Buffer.from(part.hex, "hex");
    if (part.direction === "toReceiver") {
      const said = await stream.read(recorded.length, READ);
      if (isChallenge(part)) challenge = said;
      else if (isInformation(part))
        assert.deepEqual(said.subarray(0, 16), recorded.subarray(0, 16));
      else assert.deepEqual(said, recorded, part.meaning);
      continue;
    }
    // The recorded wrong proof is as wrong for another challenge.
    if (isProof(part) && session.id !== "bad-secret") {
      recorded.set(proveSecret(challenge, Buffer.from(session.secret)));
    } else if (isPort(part)) {
      recorded.writeUInt16BE(sink.port);
    } else if (isStop(part)) {
      const header = Buffer.from(lasts.shift()?.hex ?? "", "hex").subarray(0, 6);
      await eventually("the last block came", () =>
        sink.datagrams.some((bytes) => bytes.indexOf(header) === 0),
      );
    }
    stream.write(recorded);
  }
  socket.end();
  return { sink, stream };
}

/** A recorded sender on a real socket: says its half when ours is as recorded. */
function playSender(
  test: TestContext,
  socket: Socket,
  session: RecordedSession,
): { readonly done: Promise<Buffer> } {
  const stream = new ControlStream(socket);
  const left = session.datagrams.map(({ hex, length }) => {
    const bytes = Buffer.alloc(length);
    bytes.write(hex, "hex");
    return bytes;
  });
  const play = async (): Promise<Buffer> => {
    let port: Buffer = Buffer.alloc(0);
    for (const part of session.control) {
      const recorded = Buffer.from(part.hex, "hex");
      if (part.direction === "toReceiver") {
        stream.write(recorded);
        continue;
      }
      if (isStop(part)) {
        // As the original: a port of its own for each file.
        const udp = createSocket("udp4");
        test.after(() => udp.close());
        // A receiver of ours needs no datagram to see that an empty file is whole.
        while (left.length > 0) {
          const datagram = left.shift() ?? Buffer.alloc(0);
          udp.send(datagram, port.readUInt16BE(0), ADDRESS);
          if (datagram[5] === 0x58) break;
        }
      }
      const said = await stream.read(recorded.length, READ);
      if (isPort(part)) port = said;
      else if (isStop(part)) assert.equal(said.toString("hex"), "000200000000000000000000");
      else assert.deepEqual(said, recorded, part.meaning);
    }
    return stream.take(1) ?? Buffer.alloc(0);
  };
  return { done: play() };
}

describe("classic against recorded sessions of the original", { timeout: 120_000 }, () => {
  const ids = ["get-small", "get-multi", "dir-then-get", "not-found", "other-secret", "empty-file"];
  for (const id of ids) {
    it(`sends what the original sent: ${id}`, async (test) => {
      const session = recordedSession(id);
      const { served } = makeFolders(test);
      const before = process.cwd();
      process.chdir(served);
      test.after(() => process.chdir(before));
      const names = session.files.map(({ name }) => name);
      if (id === "dir-then-get") names.unshift("small.bin");
      for (const name of names) writeFileSync(name, recordedFile(name));
      if (id === "dir-then-get") {
        writeFileSync("r64.bin", "");
        truncateSync("r64.bin", 67_108_864);
        names.push("r64.bin");
      }
      const secret = Buffer.from(session.secret);
      const sender = await serve(test, served, {}, { paths: names, secret });
      const { sink, stream } = await playReceiver(test, session, sender.port);
      await eventually("our sender closes", () => stream.ended);
      assert.equal(stream.bufferedBytes, 0);
      for (const { blockNumber, type, length, hex } of session.datagrams) {
        const wanted = Buffer.from(hex, "hex");
        const header = wanted.subarray(0, 6);
        const sent = sink.datagrams.filter((bytes) => bytes.subarray(0, 6).equals(header));
        assert.ok(
          sent.some((bytes) => bytes.length === length && sameData(bytes, wanted, type)),
          `block ${blockNumber} ${type}`,
        );
      }
    });

    it(`says what the original's receiver said: ${id}`, async (test) => {
      const session = recordedSession(id);
      const { received } = makeFolders(test);
      const played = Promise.withResolvers<Buffer>();
      const server = createServer((socket) =>
        played.resolve(playSender(test, socket, session).done),
      );
      test.after(() => server.close());
      server.listen(0, ADDRESS);
      await once(server, "listening");
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const secret = Buffer.from(session.secret);
      const receiver = await connect(test, address.port, { secret });
      const { blockSizeBytes, rateBitsPerSecond } = session.settings;
      const parameters = { ...DEFAULT_PARAMETERS, blockSizeBytes, rateBitsPerSecond };
      const settings = { ...SETTINGS, parameters };
      if (id === "dir-then-get") await receiver.list();
      if (id === "get-multi") await receiver.listAll();
      if (id === "not-found") {
        const get = receiver.get("nosuch.bin", join(received, "x"), settings);
        await assert.rejects(get, { code: "file-missing" });
      }
      for (const { name } of session.files) {
        await receiver.get(name, join(received, name), settings);
      }
      receiver.close();
      assert.equal((await played.promise).length, 0);
      assert.deepEqual(filesIn(received), session.files.map(({ name }) => name).sort());
    });
  }

  it("refuses as the original refused: bad-secret", async (test) => {
    const { served } = makeFolders(test);
    const sender = await serve(test, served, {});
    const { stream } = await playReceiver(test, recordedSession("bad-secret"), sender.port);
    await eventually("our sender closes", () => stream.ended);
  });
});

/** Bytes behind the end of the file are the original's leftovers, and zeros with us. */
function sameData(ours: Buffer, recorded: Buffer, type: string): boolean {
  if (type !== "X") return ours.subarray(0, recorded.length).equals(recorded);
  const end = ours.findLastIndex((byte) => byte !== 0) + 1;
  return ours.subarray(0, end).equals(recorded.subarray(0, end));
}
