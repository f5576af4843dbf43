/**
 * An attacker who sits between the two helpers and sees, drops, repeats, alters, adds and diverts
 * what he likes. He learns no byte of a disk, gets no wrong byte accepted and takes no session over;
 * what he can do is make it slow, or end it with a reason.
 */

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { deflateRawSync } from "node:zlib";
import { runSession } from "../../tsunami/sealed/session.ts";
import { digestOf } from "../support/loopback-sessions.ts";
import {
  type AttackedCopy,
  copyUnderAttack,
  MARKER,
  makeAttackedPair,
  NOISE,
} from "./attacked-copy.ts";
import { CALLER, ELSEWHERE, LISTENER, RELAY, standInTheMiddle } from "./man-in-the-middle.ts";

const FRAGMENT_HEADER_BYTES = 22;
/** Refused; or, on a machine so busy that the call comes too late, not met at all. */
const NO_PEER = { code: /^peer-(?:refused|unreachable)$/ };
const STOPS = /^(?:peer-lost|peer-refused|peer-unreachable|protocol|digest-mismatch)$/;

after(async () => {
  const own = () =>
    process.getActiveResourcesInfo().filter((name) => /UDP|TCP|TLS|Worker|MessagePort/.test(name));
  // What was closed takes a turn or two to be gone.
  for (let left = 500; own().length > 0 && left > 0; left -= 1) await pause(10);
  assert.deepEqual(own(), [], "nothing of any session is left");
});

function assertWhole(copy: AttackedCopy): void {
  assert.equal(`${copy.sender} ${copy.receiver}`, "arrived arrived", copy.words.join("; "));
  assert.ok(copy.isWhole, "other bytes arrived");
}

/** A copy of a datagram with one bit of it turned. */
function bent(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at % copy.length;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

/** A connection to a listener that may not listen yet. */
async function connected(port: number): Promise<Socket> {
  for (let left = 500; ; left -= 1) {
    const line = connect({ port, host: LISTENER, localAddress: RELAY });
    try {
      await once(line, "connect");
      return line.on("error", () => {});
    } catch (error) {
      if (left === 0) throw error;
      await pause(10);
    }
  }
}

for (const senderListens of [true, false]) {
  const who = senderListens ? "the sender listens" : "the receiver listens";

  test(`what goes over the wire holds nothing of the disk or the keys (${who})`, async () => {
    const pair = await makeAttackedPair();
    try {
      const copy = await copyUnderAttack({}, { senderListens, pair });
      assertWhole(copy);
      const wire = (path: string) =>
        Buffer.concat(copy.seen.filter((one) => one.path === path).map(({ bytes }) => bytes));
      const control = wire("control");
      const data = wire("data");
      assert.ok(control.includes("amicopy-test-1"), "the search finds what is in the clear");
      const digest = digestOf(pair.sources[0]?.path ?? "");
      const secrets = [
        ...[MARKER, MARKER.subarray(0, 12), pair.psk, Buffer.from(digest), Buffer.from("hello")],
        ...Array.from({ length: 64 }, (_, index) => {
          const at = Math.floor((index * NOISE.length) / 64);
          return NOISE.subarray(at, at + 12);
        }),
      ];
      for (const secret of secrets) {
        assert.equal(control.indexOf(secret), -1, `control: ${secret.toString("hex")}`);
        assert.equal(data.indexOf(secret), -1, `data: ${secret.toString("hex")}`);
      }
      // Compressed text would not be found above; but only what is sealed cannot be pressed further.
      const fragments = copy.seen.filter(
        ({ path, bytes }) => path === "data" && bytes.length > 600,
      );
      const payload = Buffer.concat(
        fragments.map(({ bytes }) => bytes.subarray(FRAGMENT_HEADER_BYTES)),
      );
      assert.ok(payload.length > NOISE.length);
      assert.ok(
        deflateRawSync(payload).length > 0.99 * payload.length,
        "the payload has a pattern",
      );
    } finally {
      pair.remove();
    }
  });

  test(`every third datagram dropped, both ways: all arrives (${who})`, async () => {
    let count = 0;
    const datagram = (bytes: Buffer) => {
      count += 1;
      return count % 3 === 0 ? [] : [bytes];
    };
    assertWhole(await copyUnderAttack({ datagram }, { senderListens }));
  });

  test(`datagrams doubled, replayed late and thrown back at who sent them (${who})`, async () => {
    const kept: Buffer[] = [];
    let count = 0;
    let relayed: ((bytes: Buffer) => void) | undefined;
    const copy = await copyUnderAttack(
      {
        datagram(bytes, direction) {
          count += 1;
          if (kept.length < 2000) kept.push(Buffer.from(bytes));
          if (count % 5 === 0) relayed?.(bytes);
          const old = kept[(count * 7919) % kept.length] ?? bytes;
          return direction === "to-listener" ? [bytes, bytes, old] : [bytes, old];
        },
      },
      {
        senderListens,
        meanwhile(relay) {
          relayed = (bytes) => {
            relay.inject(bytes, "to-listener");
            relay.inject(bytes, "to-caller");
          };
        },
      },
    );
    assertWhole(copy);
  });

  test(`a bit turned now and then, wherever it is: sent again, no wrong byte (${who})`, async () => {
    let count = 0;
    let bytesToBend = 100_000;
    const datagram = (bytes: Buffer) => {
      count += 1;
      bytesToBend -= bytes.length;
      if (bytesToBend > 0 && count % 50 !== 0) return [bytes];
      if (bytesToBend <= 0) bytesToBend = 1_500_000;
      // Notes anywhere; of the fragments the header every time, the payload seldom: it costs a record.
      return [
        bent(bytes, bytes.length < 600 || bytesToBend === 1_500_000 ? count * 31 : count % 22),
      ];
    };
    const copy = await copyUnderAttack({ datagram }, { senderListens });
    assertWhole(copy);
    assert.ok(copy.bytesResent > 0);
  });

  test(`junk and forgeries added to the stream change nothing (${who})`, async () => {
    let count = 0;
    const datagram = (bytes: Buffer) => {
      count += 1;
      const forged = Buffer.from(bytes);
      // The right first word, and behind it anything: lengths, numbers, counters, checks.
      forged.fill(count & 0xff, 4 + (count % 17));
      return [forged, bytes, Buffer.alloc(count % 1400, count), forged.subarray(0, count % 40)];
    };
    assertWhole(await copyUnderAttack({ datagram }, { senderListens }));
  });
}

test("every record altered: a stop that says so, and no wrong byte", async () => {
  const datagram = (bytes: Buffer) => [bytes.length > 600 ? bent(bytes, 600) : bytes];
  const copy = await copyUnderAttack({ datagram }, { senderListens: true });
  assert.deepEqual([copy.sender, copy.receiver], ["protocol", "protocol"]);
  assert.match(copy.words.join(), /record \d+ arrived torn \d+ times/);
});

test("a control connection that is cut, and one in which a bit is turned, are replaced", async () => {
  const begun = new Map<number, number>();
  const copy = await copyUnderAttack(
    {
      control(bytes, direction, connection) {
        const begunMs = begun.get(connection) ?? performance.now();
        begun.set(connection, begunMs);
        const ageMs = performance.now() - begunMs;
        // Not before the data path has its keys.
        if (connection > 2 || direction === "to-listener" || ageMs < 600) return bytes;
        return connection === 1 ? "cut" : bent(bytes, bytes.length - 1);
      },
    },
    {
      senderListens: false,
      change: (_, options) => ({ ...options, rateCapBitsPerSecond: 15e6 }),
    },
  );
  assertWhole(copy);
  assert.ok(copy.connections > 1, `${copy.connections} connections`);
});

test("all datagrams dropped from some moment on: both sides stop, and say that the peer is lost", async () => {
  let count = 0;
  const datagram = (bytes: Buffer) => {
    count += 1;
    return count > 100 ? [] : [bytes];
  };
  const copy = await copyUnderAttack(
    { datagram },
    {
      senderListens: true,
      change: (_, options) => ({ ...options, waits: { ...options.waits, silenceMs: 1500 } }),
    },
  );
  assert.deepEqual([copy.sender, copy.receiver], ["peer-lost", "peer-lost"]);
});

test("a handshake with one bit turned, whichever, or with bytes added: a stop, or it is tried again", async () => {
  for (const at of [3, 100, 185]) {
    const copy = await copyUnderAttack(
      {
        control: (bytes, direction, connection) =>
          connection === 1 && direction === (at % 2 ? "to-listener" : "to-caller")
            ? bent(bytes, at)
            : bytes,
      },
      {
        senderListens: at % 4 === 0,
        change: (_, options) => ({
          ...options,
          waits: { ...options.waits, connectMs: 2000, handshakeMs: 700 },
        }),
      },
    );
    if (copy.sender === "arrived" && copy.receiver === "arrived") assertWhole(copy);
    else for (const code of [copy.sender, copy.receiver]) assert.match(code, STOPS);
  }
});

test("what was recorded of a session opens nothing at the next one, not even with the same key", async () => {
  const pair = await makeAttackedPair();
  try {
    const { seen, sender } = await copyUnderAttack({}, { senderListens: false, pair });
    assert.equal(sender, "arrived");
    const target = { path: `${pair.folder}/again`, sizeBytes: pair.sources[0]?.sizeBytes ?? 0 };
    const listener = runSession({
      ...pair.options("receiver", false),
      ...{ localAddress: LISTENER, peerAddress: RELAY, volumes: [target] },
      waits: { connectMs: 2000, handshakeMs: 1000 },
    });
    const refused = assert.rejects(listener, NO_PEER);
    const replay = seen.filter(({ direction }) => direction === "to-listener");
    const line = await connected(pair.port);
    const socket = createSocket("udp4");
    for (const { path, bytes } of replay) {
      if (path === "control") line.write(bytes);
      else socket.send(bytes, pair.port, LISTENER, () => {});
    }
    await refused;
    line.destroy();
    socket.close();
  } finally {
    pair.remove();
  }
});

test("datagrams that were seen and are sent from elsewhere divert nothing there", async () => {
  for (const from of [ELSEWHERE, RELAY]) {
    for (const senderListens of [true, false]) {
      const elsewhere = createSocket("udp4");
      elsewhere.bind(0, from);
      await once(elsewhere, "listening");
      let diverted = 0;
      elsewhere.on("message", () => {
        diverted += 1;
      });
      let port = 0;
      const kept: Buffer[] = [];
      const again = setInterval(() => {
        for (const old of kept.slice(-15, -5)) elsewhere.send(old, port, LISTENER, () => {});
      }, 2);
      const copy = await copyUnderAttack(
        {
          datagram(bytes, direction) {
            if (direction === "to-caller") return [bytes];
            // From the peer's own address only old ones: the newest note moves the path, as it must.
            if (from !== RELAY) elsewhere.send(bytes, port, LISTENER, () => {});
            kept.push(Buffer.from(bytes));
            return [bytes];
          },
        },
        {
          senderListens,
          meanwhile: (_, pair) => {
            port = pair.port;
          },
        },
      );
      clearInterval(again);
      elsewhere.close();
      assertWhole(copy);
      assert.ok(kept.length > 10);
      assert.equal(diverted, 0, `${diverted} datagrams came to ${from}`);
    }
  }
});

test("a caller who is led to another listener, and a listener who gets another caller, stop", async () => {
  const here = await makeAttackedPair();
  const there = await makeAttackedPair();
  const relay = await standInTheMiddle(here.port, {}, there.port);
  const waits = { connectMs: 2000, handshakeMs: 1000 };
  try {
    const caller = runSession({
      ...here.options("receiver", true),
      ...{ localAddress: CALLER, peerAddress: RELAY, waits },
    });
    const listener = runSession({
      ...there.options("sender", true),
      ...{ localAddress: LISTENER, peerAddress: RELAY, waits },
    });
    await Promise.all([assert.rejects(caller, NO_PEER), assert.rejects(listener, NO_PEER)]);
  } finally {
    await relay.close();
    here.remove();
    there.remove();
  }
});

test("a side that is led to its own likeness, with the right key, stops before a byte is sent", async () => {
  const pair = await makeAttackedPair();
  const relay = await standInTheMiddle(pair.port);
  const waits = { connectMs: 20_000 };
  try {
    const sides = [true, false].map((listens) =>
      runSession({
        ...pair.options("sender", listens),
        ...{ localAddress: listens ? LISTENER : CALLER, peerAddress: RELAY, waits },
      }),
    );
    await Promise.all(sides.map((side) => assert.rejects(side, { code: "protocol" })));
    // A caller says where it is; a disk's fragments would be longer than that.
    const long = relay.seen.filter(({ path, bytes }) => path === "data" && bytes.length > 64);
    assert.deepEqual(long, []);
  } finally {
    await relay.close();
    pair.remove();
  }
});

test("a copy that is only slowed down is not given up", async () => {
  let relayed: ((bytes: Buffer, direction: "to-listener" | "to-caller") => void) | undefined;
  const copy = await copyUnderAttack(
    {
      datagram(bytes, direction) {
        void pause(80).then(() => relayed?.(Buffer.from(bytes), direction));
        return [];
      },
    },
    {
      senderListens: true,
      meanwhile: (relay) => {
        relayed = relay.inject;
      },
    },
  );
  assertWhole(copy);
});
