/** Our sender against a receiver that holds the right key and lies: real sessions on 127.0.0.1. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, beforeEach, test } from "node:test";
import { SEALED_BYTES_MAX, WINDOW_RECORDS } from "../../../tsunami/sealed/limits.ts";
import { ReceiverCore } from "../../../tsunami/sealed/receiver-core.ts";
import { ANSWER_NOTE, encodeReport, type Report } from "../../../tsunami/sealed/report.ts";
import { runSession, type SessionReport } from "../../../tsunami/sealed/session.ts";
import { callAsEvil, type EvilPeer } from "../../support/evil-peer.ts";
import { makeSessionPair, type SessionPair } from "../../support/loopback-sessions.ts";

const MIB = 1 << 20;
const CONNECT = { connectMs: 15_000, handshakeMs: 5000, againMs: 500 };
/** For peers that end the session by what they say. */
const PATIENT = { ...CONNECT, silenceMs: 20_000, stallMs: 20_000 };
/** For those that end it by what they do not say. */
const HASTY = { ...CONNECT, connectMs: 5000, silenceMs: 1200, stallMs: 1200 };
const report: Report = {
  ...{ highest: 0, holdMs: 0, arrivedAtMs: 1, receivedBytes: 1, base: 0 },
  ...{ confirmed: new Uint8Array(20), runs: [1] },
};

let pair: SessionPair;
const made: SessionPair[] = [];
const peers: EvilPeer[] = [];

beforeEach(async () => {
  pair = await makeSessionPair();
  made.push(pair);
  pair.addVolume([randomBytes(4 * MIB)]);
});

afterEach(() => {
  for (const peer of peers.splice(0)) peer.close();
});

after(() => {
  for (const one of made) one.remove();
});

function listen(waits: typeof HASTY = PATIENT): Promise<SessionReport> {
  const options = { ...pair.options("sender", true), waits, rateCapBitsPerSecond: 50e6 };
  const session = runSession(options);
  session.catch(() => {});
  return session;
}

async function meet(): Promise<EvilPeer> {
  const peer = await callAsEvil(pair, "receiver");
  peers.push(peer);
  return peer;
}

async function endsWith(session: Promise<unknown>, codes: readonly string[]): Promise<void> {
  await assert.rejects(session, (error: Error & { code?: string }) => {
    assert.equal(error.name, "TransferError", String(error.stack));
    assert.ok(codes.includes(error.code ?? ""), `${error.code}: ${error.message}`);
    return true;
  });
}

/** Says something as often as a peer may, and that it is alive. */
function keepSaying(peer: EvilPeer, say: () => void): Disposable {
  const timer = setInterval(() => {
    peer.say({ type: "ping" });
    say();
  }, 10);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

for (const leaves of [true, false]) {
  test(`a receiver that ${leaves ? "leaves" : "falls silent"} at any step is missed in bounded time`, async () => {
    for (const greets of [false, true]) {
      const session = listen(leaves ? PATIENT : HASTY);
      const peer = await meet();
      if (greets) await peer.greet(pair);
      if (leaves) peer.tls.end();
      await endsWith(session, ["peer-lost"]);
    }
  });
}

test("a receiver that is alive but takes nothing is left in bounded time", async () => {
  const session = listen(HASTY);
  const peer = await meet();
  await peer.greet(pair);
  using _ = keepSaying(peer, () => peer.note(Buffer.from([2, 0, 0])));
  await endsWith(session, ["peer-lost"]);
});

test("a receiver that confirms everything and never proves it is left in bounded time", async () => {
  const session = listen(HASTY);
  const peer = await meet();
  const ring = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
  const core: ReceiverCore = new ReceiverCore({
    ...{ ring, mark: peer.keys.mark },
    onRecord: (record) => core.confirm(record),
  });
  peer.udp.on("message", (datagram) => core.onFragment(datagram, 0, performance.now()));
  await peer.greet(pair);
  using _ = keepSaying(peer, () => {
    const taken = core.report(performance.now());
    peer.note(taken ? encodeReport(taken) : Buffer.from([ANSWER_NOTE, 0, 0]));
  });
  await assert.rejects(session, { code: "peer-lost", message: /nothing moved for/ });
  assert.ok(core.base >= 8, `${core.base} records confirmed`);
  assert.ok(peer.heard.some(({ type }) => type === "digest"));
});

const lies: [what: string, lie: Partial<Report>][] = [
  ["transmissions that were never sent", { highest: 1_000_000 }],
  ["records that were never sealed", { base: 5000 }],
  ["records that were never sealed", { base: 2 ** 32 - 1 }],
];
for (const [what, lie] of lies) {
  test(`a report of ${what} (${JSON.stringify(lie)}) ends the session`, async () => {
    const session = listen();
    const peer = await meet();
    await peer.greet(pair);
    using _ = keepSaying(peer, () => peer.note(encodeReport({ ...report, ...lie })));
    await endsWith(session, ["protocol"]);
  });
}

test("a proof with another digest, or of nothing, is no proof", async () => {
  const session = listen();
  const peer = await meet();
  await peer.greet(pair);
  const volumes = [99, -1, "length", "__proto__", null, {}];
  for (const volume of volumes) peer.say({ type: "proof", volume, digest: "ab".repeat(32) });
  using _ = keepSaying(peer, () => {
    peer.note(Buffer.from([2, 0, 0]));
    peer.say({ type: "proof", volume: 0, digest: "ab".repeat(32) });
  });
  await endsWith(session, ["digest-mismatch", "peer-lost"]);
});

test("a receiver that asks for everything again without end is left, with little sent twice", async () => {
  const session = listen(HASTY);
  const peer = await meet();
  await peer.greet(pair);
  let datagrams = 0;
  peer.udp.on("message", () => {
    datagrams += 1;
  });
  using _ = keepSaying(peer, () => {
    peer.note(Buffer.from([2, 0, 0]));
    for (let record = 0; record < 8; record += 1) peer.say({ type: "again", record });
  });
  await endsWith(session, ["peer-lost", "protocol"]);
  assert.ok(datagrams < 60_000, `${datagrams} datagrams`);
});

test("one session with an evil receiver leaves another one beside it alone", async () => {
  const honest = await makeSessionPair();
  made.push(honest);
  honest.addVolume([randomBytes(6 * MIB)]);
  const evil = listen(HASTY);
  const peer = await meet();
  await peer.greet(pair);
  const cap = { rateCapBitsPerSecond: 60e6 };
  const results = await (async () => {
    using _ = keepSaying(peer, () => {
      peer.note(Buffer.from([2, 0xff, 0xff]));
      peer.note(Buffer.from([0, 0xff, 0xff]));
      for (let record = 0; record < 20; record += 1) peer.say({ type: "again", record });
      for (let count = 0; count < 50; count += 1) peer.datagram(randomBytes(1200));
    });
    return honest.run(true, (_role, options) => ({ ...options, ...cap }));
  })();
  for (const { status } of results) assert.equal(status, "fulfilled");
  await endsWith(evil, ["peer-lost", "protocol"]);
});
