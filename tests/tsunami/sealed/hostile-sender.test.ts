/** Our receiver against a sender that holds the right key and lies: real sessions on 127.0.0.1. */

import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { after, afterEach, beforeEach, test } from "node:test";
import { runSession, type SessionReport } from "../../../tsunami/sealed/session.ts";
import { callAsEvil, callTls, type EvilPeer, frameOf } from "../../support/evil-peer.ts";
import { digestOf, makeSessionPair, type SessionPair } from "../../support/loopback-sessions.ts";

const MIB = 1 << 20;
const LEAF = randomBytes(MIB / 2);
const CONNECT = { connectMs: 15_000, handshakeMs: 5000, againMs: 500 };
/** For peers that end the session by what they say. */
const PATIENT = { ...CONNECT, silenceMs: 20_000, stallMs: 20_000 };
/** For those that end it by what they do not say. */
const HASTY = { ...CONNECT, connectMs: 5000, silenceMs: 1200, stallMs: 1200 };

let pair: SessionPair;
const made: SessionPair[] = [];
const peers: EvilPeer[] = [];

beforeEach(async () => {
  pair = await makeSessionPair();
  made.push(pair);
  pair.addVolume([LEAF, randomBytes(10)]);
});

afterEach(() => {
  for (const peer of peers.splice(0)) peer.close();
});

after(() => {
  for (const one of made) one.remove();
});

function listen(waits: typeof HASTY = PATIENT): Promise<SessionReport> {
  const session = runSession({ ...pair.options("receiver", false), waits });
  session.catch(() => {});
  return session;
}

async function meet(): Promise<EvilPeer> {
  const peer = await callAsEvil(pair, "sender");
  peers.push(peer);
  return peer;
}

/** What ends the session, with a sentence for people. */
async function endsWith(session: Promise<unknown>, codes: readonly string[]): Promise<void> {
  await assert.rejects(session, (error: Error & { code?: string }) => {
    assert.equal(error.name, "TransferError", String(error.stack));
    assert.ok(codes.includes(error.code ?? ""), `${error.code}: ${error.message}`);
    assert.ok(error.message.length > 10 && error.message.length < 400, error.message);
    return true;
  });
}

const whole = { volume: 0, start: 0, end: LEAF.length, keep: false };
const first = { ...whole, extents: [{ offset: 0, length: LEAF.length }] };

/** Steps of an honest transfer of the volume; a peer may leave, or fall silent, after any of them. */
function steps(peer: EvilPeer, own = pair): (() => void)[] {
  const end = own.sources[0]?.sizeBytes ?? 0;
  const tail = { volume: 0, start: LEAF.length, end, keep: false, extents: [] };
  const zeros = Buffer.concat([LEAF, Buffer.alloc(10)]);
  const digest = hash("sha256", hash("sha256", zeros, "buffer"));
  return [
    () => peer.record(0, first, LEAF),
    () => peer.record(1, tail, Buffer.alloc(0)),
    () => peer.say({ type: "digest", volume: 0, digest }),
    () => peer.say({ type: "bye", bytesSent: 9, bytesResent: 0 }),
  ];
}

for (const leaves of [true, false]) {
  test(`a sender that ${leaves ? "leaves" : "falls silent"} at any step is missed in bounded time`, async () => {
    const attempt = async (own: SessionPair, count: number) => {
      const options = own.options("receiver", false);
      const session = runSession({ ...options, waits: leaves ? PATIENT : HASTY });
      session.catch(() => {});
      const peer = await callAsEvil(own, "sender");
      if (count >= 0) await peer.greet(own);
      for (const step of steps(peer, own).slice(0, Math.max(0, count))) step();
      if (leaves) peer.tls.end();
      // Its last word only ends the session earlier: with both digests there is nothing to miss.
      const proved = count === 3;
      const end = proved ? session : endsWith(session, ["peer-lost"]);
      const report = await end.finally(() => peer.close());
      if (proved) assert.deepEqual(report?.digests, [digestOf(own.targets[0]?.path ?? "")]);
    };
    const attempts: Promise<void>[] = [];
    for (const count of [-1, 0, 1, 2, 3]) {
      const own = await makeSessionPair();
      made.push(own);
      own.addVolume([LEAF, randomBytes(10)]);
      attempts.push(attempt(own, count));
    }
    await Promise.all(attempts);
  });
}

test("a sender that only keeps the paths alive is left when nothing has come for long", async () => {
  const session = listen(HASTY);
  const peer = await meet();
  await peer.greet(pair);
  const alive = setInterval(() => {
    peer.say({ type: "ping" });
    peer.note(Buffer.from([2, 0, 0]));
  }, 100);
  try {
    await endsWith(session, ["peer-lost"]);
  } finally {
    clearInterval(alive);
  }
});

test("a sender whose records cannot be opened, again and again, is left without drowning in requests", async () => {
  const session = listen(HASTY);
  const peer = await meet();
  await peer.greet(pair);
  peer.tls.pause();
  const flood = setInterval(() => {
    peer.say({ type: "ping" });
    for (let count = 0; count < 100; count += 1) peer.sealed(0, randomBytes(40));
  }, 5);
  try {
    await endsWith(session, ["peer-lost", "protocol"]);
  } finally {
    clearInterval(flood);
  }
});

const lies: [what: string, tell: (peer: EvilPeer) => void][] = [
  ["a volume that is not there", (peer) => peer.record(0, { ...first, volume: 9 }, LEAF)],
  ["a range beyond the end", (peer) => peer.record(0, { ...first, end: 2 ** 50 }, LEAF)],
  [
    "fewer bytes than its extents",
    (peer) => peer.record(0, { ...whole, extents: [{ offset: 0, length: 9 }] }, LEAF),
  ],
  [
    "a range that leaves a gap",
    (peer) => {
      const extents = [{ offset: 4096, length: 8 }];
      peer.record(0, { ...whole, start: 4096, extents }, Buffer.alloc(8, 1));
    },
  ],
  [
    "a range twice",
    (peer) => {
      const half = { ...whole, end: 4096, extents: [{ offset: 0, length: 4096 }] };
      peer.record(0, half, Buffer.alloc(4096, 1));
      peer.record(1, half, Buffer.alloc(4096, 2));
    },
  ],
];
for (const [what, tell] of lies) {
  test(`a well sealed record that tells of ${what} ends the session`, async () => {
    const session = listen();
    const peer = await meet();
    await peer.greet(pair);
    tell(peer);
    await endsWith(session, ["protocol"]);
  });
}

test("a digest of other bytes than were sent is found out, and the sender hears of it", async () => {
  const session = listen();
  const peer = await meet();
  await peer.greet(pair);
  const [data, tail] = steps(peer);
  for (const step of [data, tail]) step?.();
  peer.say({ type: "digest", volume: 0, digest: "ab".repeat(32) });
  await endsWith(session, ["digest-mismatch"]);
});

test("a sender cannot end a session before the proof, nor tell numbers that are none", async () => {
  const early = listen();
  const liar = await meet();
  await liar.greet(pair);
  liar.say({ type: "bye", bytesSent: 0, bytesResent: 0 });
  liar.tls.end();
  await endsWith(early, ["peer-lost"]);
  const session = listen();
  const peer = await meet();
  await peer.greet(pair);
  for (const step of steps(peer).slice(0, 3)) step();
  await peer.hears("proof");
  peer.say({ type: "bye", bytesSent: -5, bytesResent: "Infinity" });
  const { bytesSent, bytesResent } = await session;
  assert.deepEqual({ bytesSent, bytesResent }, { bytesSent: 0, bytesResent: 0 });
});

test("whatever a sender says or sends twice counts once", async () => {
  const session = listen();
  const peer = await meet();
  await peer.greet(pair);
  peer.hello(pair);
  const [data, tail, digest, bye] = steps(peer);
  for (const step of [data, data, tail, data, tail, digest, digest]) step?.();
  await peer.hears("proof");
  for (const step of [data, digest, tail, bye, bye]) step?.();
  const { digests } = await session;
  assert.equal(digests.length, 1);
  assert.equal(digestOf(pair.targets[0]?.path ?? ""), digests[0]);
});

const hellos: object[] = [
  { version: 2 },
  { version: { deep: [] } },
  { role: "receiver" },
  { sizes: "1" },
  { sizes: [] },
  { sizes: [2 ** 60] },
  { sizes: Array.from({ length: 20_000 }, () => 1) },
];
test("a greeting that does not fit is answered with the reason", async () => {
  for (const change of hellos) {
    const session = listen();
    const peer = await meet();
    peer.hello(pair, change);
    await endsWith(session, ["protocol"]);
  }
});

test("control bytes that are no message end the session, whatever they are", async () => {
  const frames = [
    Buffer.alloc(8, 0xff),
    Buffer.from([0, 0, 0, 0]),
    Buffer.from([0, 0, 0, 1, 0x7b]),
    frameOf("text"),
    frameOf(null),
    Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.alloc(0x30000, "[")]),
  ];
  for (const frame of frames) {
    const session = listen();
    const tls = await callTls(pair);
    tls.on("error", () => {}).resume();
    tls.write(frame);
    await endsWith(session, ["protocol"]);
    tls.destroy();
  }
});

test("one session with an evil sender leaves another one beside it alone", async () => {
  const honest = await makeSessionPair();
  made.push(honest);
  honest.addVolume([randomBytes(6 * MIB)]);
  const evil = listen(HASTY);
  const peer = await meet();
  await peer.greet(pair);
  const flood = setInterval(() => {
    peer.say({ type: "ping" });
    peer.say({
      type: "hello",
      version: 1,
      role: "sender",
      sizes: [LEAF.length + 10],
      life: "evil",
    });
    for (let count = 0; count < 50; count += 1) {
      peer.sealed(count, randomBytes(40));
      peer.datagram(randomBytes(1200));
    }
  }, 5);
  const cap = { rateCapBitsPerSecond: 60e6 };
  const results = await honest.run(true, (_, options) => ({ ...options, ...cap }));
  clearInterval(flood);
  for (const { status } of results) assert.equal(status, "fulfilled");
  await endsWith(evil, ["peer-lost", "protocol"]);
});
