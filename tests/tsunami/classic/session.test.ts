import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  connect,
  eventually,
  filesIn,
  lossySocket,
  makeFolders,
  SETTINGS,
  scriptedSender,
  serve,
} from "./loopback.ts";

const digestOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

describe("classic session", { timeout: 200_000 }, () => {
  it("fetches a file by its name as served and by its base name", async (test) => {
    const { served, received } = makeFolders(test);
    const bytes = randomBytes(100_001);
    const sender = await serve(test, served, { "a.bin": bytes });
    const receiver = await connect(test, sender.port);
    for (const name of ["a.bin", join(served, "a.bin")]) {
      const path = join(received, "copy");
      const report = await receiver.get(name, path, SETTINGS);
      assert.equal(report.sizeBytes, bytes.length);
      assert.equal(report.missingBlocks, 0);
      assert.equal(digestOf(readFileSync(path)), digestOf(bytes));
    }
    assert.deepEqual(filesIn(received), ["copy"]);
  });

  it("lists files, and fetches all of them on one connection", async (test) => {
    const { served, received } = makeFolders(test);
    const files = { one: Buffer.from("Hello\n"), empty: Buffer.alloc(0), two: randomBytes(3000) };
    const sender = await serve(test, served, files);
    const receiver = await connect(test, sender.port);
    const listed = await receiver.list();
    assert.deepEqual(
      listed.map(({ name, sizeBytes }) => [name, sizeBytes]),
      Object.entries(files).map(([name, { length }]) => [join(served, name), length]),
    );
    const names = await receiver.listAll();
    assert.deepEqual(
      names,
      listed.map(({ name }) => name),
    );
    for (const [index, [name, bytes]] of Object.entries(files).entries()) {
      await receiver.get(names[index] ?? "", join(received, name), SETTINGS);
      assert.deepEqual(readFileSync(join(received, name)), bytes);
    }
  });

  it("answers a missing file and goes on", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { "a.bin": Buffer.from("a") });
    const receiver = await connect(test, sender.port);
    const missing = { code: "file-missing", message: /nothing\.bin/ };
    await assert.rejects(receiver.get("nothing.bin", join(received, "x"), SETTINGS), missing);
    await receiver.get("a.bin", join(received, "x"), SETTINGS);
    assert.equal(readFileSync(join(received, "x"), "utf8"), "a");
  });

  it("serves nothing that it was not told to serve", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, {
      "a.bin": Buffer.from("a"),
      "b.bin": Buffer.from("b"),
    });
    const receiver = await connect(test, sender.port);
    const names = ["/etc/passwd", "../../etc/passwd", `${served}/../served/a.bin`, served, "."];
    for (const name of names) {
      const get = receiver.get(name, join(received, "x"), SETTINGS);
      await assert.rejects(get, { code: "file-missing" });
    }
    assert.deepEqual(filesIn(received), []);
  });

  it("gives no base name that means two files", async (test) => {
    const { served, received } = makeFolders(test);
    mkdirSync(join(served, "sub"));
    const files = { "a.bin": Buffer.from("1"), "sub/a.bin": Buffer.from("2") };
    const sender = await serve(test, served, files);
    const receiver = await connect(test, sender.port);
    const path = join(received, "x");
    await assert.rejects(receiver.get("a.bin", path, SETTINGS), { code: "file-missing" });
    await receiver.get(join(served, "sub/a.bin"), path, SETTINGS);
    assert.equal(readFileSync(path, "utf8"), "2");
  });

  it("refuses a wrong secret on both sides", async (test) => {
    const { served } = makeFolders(test);
    const sender = await serve(test, served, { a: Buffer.from("a") });
    const wrong = connect(test, sender.port, { secret: Buffer.from("wrong") });
    await assert.rejects(wrong, { code: "peer-refused" });
    await eventually("the refusal is told", () => sender.events.some((e) => e.kind === "refused"));
    const right = await connect(test, sender.port);
    assert.equal((await right.list()).length, 1);
  });

  it("repairs what the network loses, in order and at the end", async (test) => {
    const { served, received } = makeFolders(test);
    const bytes = randomBytes(300_000);
    const sender = await serve(test, served, { a: bytes });
    const receiver = await connect(test, sender.port);
    const createUdp = lossySocket((index) => index % 7 === 3 || (index > 900 && index < 1180));
    const report = await receiver.get("a", join(received, "a"), { ...SETTINGS, createUdp });
    assert.ok(report.requestedBlocks > 100, `${report.requestedBlocks} requests`);
    assert.equal(digestOf(readFileSync(join(received, "a"))), digestOf(bytes));
  });

  it("restarts after a gap of thousands of blocks", async (test) => {
    const { served, received } = makeFolders(test);
    const bytes = randomBytes(16_000 * 64);
    const sender = await serve(test, served, { a: bytes });
    const receiver = await connect(test, sender.port);
    const parameters = {
      ...SETTINGS.parameters,
      blockSizeBytes: 64,
      rateBitsPerSecond: 24_000_000,
    };
    const createUdp = lossySocket((index) => index >= 20 && index < 3000);
    const settings = { ...SETTINGS, parameters, createUdp };
    const report = await receiver.get("a", join(received, "a"), settings);
    assert.equal(report.restarts, 1);
    assert.equal(digestOf(readFileSync(join(received, "a"))), digestOf(bytes));
  });

  it("leaves holes of zeros, and says so, when losses do not matter", async (test) => {
    const { served, received } = makeFolders(test);
    const bytes = Buffer.alloc(10_000, 1);
    const sender = await serve(test, served, { a: bytes });
    const receiver = await connect(test, sender.port);
    const createUdp = lossySocket((index) => index === 2);
    const policy = { kind: "lossy", windowMs: 0 } as const;
    const report = await receiver.get("a", join(received, "a"), { ...SETTINGS, policy, createUdp });
    assert.equal(report.missingBlocks, 1);
    const copy = readFileSync(join(received, "a"));
    assert.deepEqual(copy.subarray(512, 768), Buffer.alloc(256));
    assert.deepEqual(copy.subarray(768), bytes.subarray(768));
  });

  it("pads the last block with zeros, whatever was sent before", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: Buffer.alloc(1000, 0xff), b: Buffer.from("b") });
    const receiver = await connect(test, sender.port);
    await receiver.get("a", join(received, "a"), SETTINGS);
    let padding: Buffer | undefined;
    const createUdp = lossySocket((_, datagram) => {
      padding = datagram.subarray(7);
      return false;
    });
    await receiver.get("b", join(received, "b"), { ...SETTINGS, createUdp });
    assert.deepEqual(padding, Buffer.alloc(255));
  });

  it("writes to a device in place", async (test) => {
    const { served } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(5000) });
    const receiver = await connect(test, sender.port);
    const report = await receiver.get("a", "/dev/null", SETTINGS);
    assert.equal(report.missingBlocks, 0);
    assert.ok(statSync("/dev/null").isCharacterDevice());
  });

  it("gives up with a reason when no datagram can reach it, and leaves no file", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(5000) });
    const receiver = await connect(test, sender.port);
    const settings = { ...SETTINGS, silenceTimeoutMs: 200, createUdp: lossySocket(() => true) };
    const get = receiver.get("a", join(received, "a"), settings);
    await assert.rejects(get, { code: "peer-unreachable", message: /firewall or NAT/ });
    assert.deepEqual(filesIn(received), []);
  });

  it("gives up when a sender repeats itself without end", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(5000) });
    const receiver = await connect(test, sender.port);
    const createUdp = lossySocket((_, datagram) => datagram.readUInt32BE(0) === 3);
    const settings = { ...SETTINGS, progressTimeoutMs: 300, createUdp };
    const get = receiver.get("a", join(received, "a"), settings);
    await assert.rejects(get, { code: "peer-lost", message: /none of the 1 blocks/ });
    assert.deepEqual(filesIn(received), []);
  });

  it("says that the sender went away, and after how much", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(1_000_000) });
    const receiver = await connect(test, sender.port);
    const parameters = { ...SETTINGS.parameters, rateBitsPerSecond: 2_000_000 };
    const settings = {
      ...SETTINGS,
      parameters,
      onProgress: ({ bytesDone }: { bytesDone: number }) => {
        if (bytesDone > 0) void sender.close();
      },
    };
    const get = receiver.get("a", join(received, "a"), settings);
    await assert.rejects(get, { code: "peer-lost", message: /of 3907 blocks/ });
    assert.deepEqual(filesIn(received), []);
  });

  it("stops on request, and leaves no file", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(1_000_000) });
    const stop = new AbortController();
    const receiver = await connect(test, sender.port, { signal: stop.signal });
    const parameters = { ...SETTINGS.parameters, rateBitsPerSecond: 2_000_000 };
    const onProgress = (): void => stop.abort();
    const settings = { ...SETTINGS, parameters, onProgress };
    const get = receiver.get("a", join(received, "a"), settings);
    await assert.rejects(get, { code: "stopped" });
    assert.deepEqual(filesIn(received), []);
    await eventually("the sender noticed", () => sender.events.some((e) => e.kind === "closed"));
  });

  it("ends a transfer whose receiver is silent, and closes instead of reading on", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: randomBytes(5000) }, { heartbeatTimeoutMs: 200 });
    const receiver = await connect(test, sender.port);
    const settings = { ...SETTINGS, createUdp: lossySocket(() => true) };
    await assert.rejects(receiver.get("a", join(received, "a"), settings), { code: "peer-lost" });
    const closed = sender.events.find((event) => event.kind === "closed");
    assert.match(String(closed?.kind === "closed" && closed.error?.message), /heartbeat/);
  });

  it("closes when a served file has become shorter, without harm to others", async (test) => {
    const { served, received } = makeFolders(test);
    const files = { a: randomBytes(2_000_000), b: Buffer.from("b") };
    const sender = await serve(test, served, files);
    const receiver = await connect(test, sender.port);
    let cut = false;
    const createUdp = lossySocket(() => {
      if (!cut) truncateSync(join(served, "a"), 1000);
      cut = true;
      return false;
    });
    const parameters = { ...SETTINGS.parameters, rateBitsPerSecond: 100_000_000 };
    const settings = { ...SETTINGS, parameters, createUdp };
    await assert.rejects(receiver.get("a", join(received, "a"), settings), { code: "peer-lost" });
    const other = await connect(test, sender.port);
    await other.get("b", join(received, "b"), SETTINGS);
    assert.deepEqual(filesIn(received), ["b"]);
  });

  it("refuses a file that does not fit before anything is sent", async (test) => {
    const { received } = makeFolders(test);
    const blockCount = Math.ceil(2 ** 47 / 65_501);
    const information = Buffer.alloc(20);
    information.writeBigUInt64BE(2n ** 47n, 0);
    information.writeUInt32BE(65_501, 8);
    information.writeUInt32BE(blockCount, 12);
    const handshake = Buffer.concat([Buffer.from("20061025", "hex"), Buffer.alloc(64, 7)]);
    const bytes = Buffer.concat([handshake, Buffer.from([0, 0]), information]);
    const { port } = await scriptedSender(test, bytes, { close: false });
    const receiver = await connect(test, port);
    const parameters = { ...SETTINGS.parameters, blockSizeBytes: 65_501 };
    const get = receiver.get("a", join(received, "a"), { ...SETTINGS, parameters });
    await assert.rejects(get, { code: "disk-io", message: /there is room for/ });
    assert.deepEqual(filesIn(received), []);
  });

  it("takes an empty list of files without the deadlock of the original", async (test) => {
    const { served } = makeFolders(test);
    const sender = await serve(test, served, {});
    const receiver = await connect(test, sender.port);
    assert.deepEqual(await receiver.list(), []);
    assert.deepEqual(await receiver.listAll(), []);
    receiver.close();
    await eventually("closed", () => sender.events.some((event) => event.kind === "closed"));
    assert.equal(sender.events.find((event) => event.kind === "closed")?.error, undefined);
  });

  it("says STOP at the end of every transfer", async (test) => {
    const { served, received } = makeFolders(test);
    const sender = await serve(test, served, { a: Buffer.from("a") });
    const receiver = await connect(test, sender.port);
    await receiver.get("a", join(received, "a"), SETTINGS);
    await eventually("finished", () => sender.events.some((event) => event.kind === "finished"));
  });
});
