/** What a helper is told from outside: its job, its tags, its metadata service's answers. */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { HelperConsole } from "../../agent/console.ts";
import { decodePeer, encodePeer, type Job } from "../../agent/contract.ts";
import { deriveSessionKey, makeIdentity } from "../../agent/introduction.ts";
import { parseJob } from "../../agent/job.ts";
import { Lease } from "../../agent/lease.ts";
import { METADATA_BODY_MAX_BYTES } from "../../agent/limits.ts";
import { Metadata } from "../../agent/metadata.ts";
import { fuzz, mutated, nearly } from "../support/fuzz.ts";

const job: Job = {
  version: 1,
  run: "0123456789abcdef",
  attempt: 2,
  side: "destination",
  listens: true,
  port: 46224,
  disks: [
    { deviceName: "/dev/sdf", sizeBytes: 2 ** 30 },
    { deviceName: "/dev/sdg", sizeBytes: 2 ** 33 },
  ],
  leaseMs: 1_800_000,
  timeoutMs: 86_400_000,
};

/** A job is believed as a whole or refused by the name of a field. */
function readsOrRefuses(text: string): void {
  let read: Job;
  try {
    read = parseJob(text);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    assert.equal(code, "bad-job", String(error));
    assert.match(message, /^job description: /);
    return;
  }
  const names = read.disks.map(({ deviceName }) => deviceName);
  assert.equal(new Set(names).size, names.length);
  for (const { deviceName, sizeBytes } of read.disks) {
    assert.match(deviceName, /^\/dev\/[a-z0-9]+$/);
    assert.ok(Number.isSafeInteger(sizeBytes) && sizeBytes > 0);
  }
  assert.ok(read.port > 0 && read.port < 65_536 && read.leaseMs > 0 && read.timeoutMs > 0);
  assert.match(
    `${read.run} ${read.attempt} ${read.side}`,
    /^[0-9a-f]{16} \d+ (source|destination)$/,
  );
}

test("any text as a job description", async (t) => {
  const bytes = mutated(Buffer.from(JSON.stringify(job)));
  const disks = fc.array(nearly({ ...job.disks[0] }), { maxLength: 3 });
  const objects = fc.tuple(nearly({ ...job }), disks, fc.boolean());
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    bytes.map((all) => all.toString("latin1")),
    objects.map(([value, some, use]) => JSON.stringify(use ? { ...value, disks: some } : value)),
  );
  await fuzz(t, fc.property(text, readsOrRefuses), 3000);
});

test("any value of the peer's tag", async (t) => {
  const peer = { publicKey: makeIdentity().publicKey, address: "10.1.2.3", port: 46224 };
  const value = fc.oneof(
    fc.string(),
    mutated(Buffer.from(encodePeer(peer))).map((all) => all.toString("latin1")),
  );
  const property = fc.property(value, (text) => {
    const read = decodePeer(text);
    if (read === undefined) return;
    assert.equal(encodePeer(read).length <= 256, true);
    assert.deepEqual(decodePeer(encodePeer(read)), read);
    try {
      assert.equal(deriveSessionKey(job, makeIdentity(), read.publicKey).psk.length, 32);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "peer-refused", String(error));
    }
  });
  await fuzz(t, property, 3000);
});

test("any key of 32 bytes makes a session key or is refused", async (t) => {
  const own = makeIdentity();
  const weak = fc.constantFrom(
    Buffer.alloc(32),
    Buffer.alloc(32, 0xff),
    Buffer.from("01".padEnd(64, "0"), "hex"),
  );
  const bytes = fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), weak);
  const property = fc.property(bytes, (key) => {
    try {
      const { psk } = deriveSessionKey(job, own, Buffer.from(key).toString("base64url"));
      assert.equal(psk.length, 32);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "peer-refused", String(error));
    }
  });
  await fuzz(t, property, 500);
});

test("any values of the tags for lease and acknowledgement", async (t) => {
  const value = fc.oneof(
    fc.string(),
    fc.nat(9).map(String),
    fc.constantFrom("-1", "1e9", "999999999"),
  );
  const property = fc.property(fc.array(value, { maxLength: 20 }), (values) => {
    const said: string[] = [];
    const console = new HelperConsole((text) => said.push(text));
    const lease = new Lease(1000, 0);
    console.state({ type: "hello", publicKey: "k", node: "v26" }, 0);
    console.state({ type: "volume", index: 0, digest: "d" }, 0);
    for (const [at, text] of values.entries()) {
      lease.observe(text, at);
      console.acknowledge(text);
    }
    console.repeat(1e9);
    assert.equal(
      console.heard,
      values.some((text) => /^\d{1,9}$/.test(text) && Number(text) === 2),
    );
    assert.equal(lease.ended(20 + 1000), true);
  });
  await fuzz(t, property, 2000);
});

/** A service that answers every connection with the same bytes, and closes. */
async function answering(): Promise<{
  server: Server;
  endpoint: string;
  say(bytes: Buffer): void;
}> {
  let answer: Buffer = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on("error", () => {}).once("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const say = (bytes: Buffer) => {
    answer = bytes;
  };
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { server, endpoint: `http://127.0.0.1:${port}`, say };
}

test("any answer of the metadata service", async (t) => {
  const { server, endpoint, say } = await answering();
  t.after(() => server.close());
  const whole = (status: string, body: string) =>
    Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const answer = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    mutated(whole("200 OK", "0123456789")),
    mutated(whole("401 Unauthorized", "")),
    mutated(
      Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ),
    fc.constant(whole("200 OK", "x".repeat(METADATA_BODY_MAX_BYTES + 1))),
    fc.constant(Buffer.from(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`)),
  );
  const property = fc.asyncProperty(answer, async (bytes) => {
    say(bytes);
    try {
      const read = await new Metadata(endpoint).read("local-ipv4");
      assert.ok(read === undefined || read.length <= METADATA_BODY_MAX_BYTES);
    } catch (error) {
      assert.ok(error instanceof Error && error.message.length < 500, String(error));
      assert.notEqual(error.name, "AssertionError", String(error));
    }
  });
  await fuzz(t, property, 300);
});
