/** Sender and receiver core over networks in memory: whatever the network does, all bytes arrive. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SEALED_BYTES_MAX, WINDOW_RECORDS } from "../../../tsunami/sealed/limits.ts";
import { RateController } from "../../../tsunami/sealed/rate-controller.ts";
import { ReceiverCore } from "../../../tsunami/sealed/receiver-core.ts";
import { SenderCore } from "../../../tsunami/sealed/sender-core.ts";
import { type CoreSessionOptions, runCoreSession } from "../../support/core-session.ts";

const RECORD_BYTES = 524_400;
const MBIT = 1e6;

function run(options: Partial<CoreSessionOptions> & Pick<CoreSessionOptions, "forward">) {
  const session = runCoreSession({
    ...{ seed: 7, records: 100, recordBytes: RECORD_BYTES, limitMs: 30_000 },
    ...options,
  });
  const { doneMs } = session;
  assert.ok(doneMs !== undefined, `not done; base ${session.sender.base}`);
  const bytes = (options.records ?? 100) * (options.recordBytes ?? RECORD_BYTES);
  return {
    session,
    doneMs,
    goodput: (bytes * 8000) / doneMs,
    wire: session.forward.sentBytes / bytes,
  };
}

/** What a link lets through at most: capacity, less loss, less headers. */
const ceiling = (bitsPerSecond: number, loss: number) => (bitsPerSecond * (1 - loss) * 1450) / 1500;

test("any mix of loss, reordering, duplication and corruption, in both directions", () => {
  const conditions = fc.record({
    delayMs: fc.integer({ min: 0, max: 60 }),
    bitsPerSecond: fc.constantFrom(20 * MBIT, 100 * MBIT),
    loss: fc.constantFrom(0, 0.01, 0.1, 0.3),
    burst: fc.constantFrom(1, 8),
    duplicate: fc.constantFrom(0, 0.05),
    corrupt: fc.constantFrom(0, 0.01),
    jitterMs: fc.constantFrom(0, 5, 30),
    queueMs: fc.constantFrom(5, 50, 200),
  });
  fc.assert(
    fc.property(fc.integer(), conditions, conditions, (seed, forward, backward) => {
      run({ seed, forward, backward, records: 6, recordBytes: 90_000, limitMs: 60_000 });
    }),
    { numRuns: 60 },
  );
});

for (const loss of [0, 0.01, 0.05, 0.2]) {
  test(`500 Mbit/s, 200 ms, ${loss * 100} % loss: found in a second, filled, little sent twice`, () => {
    const forward = { bitsPerSecond: 500 * MBIT, delayMs: 100, loss };
    const { session, goodput, wire } = run({ forward, records: 500 });
    assert.ok(goodput > 0.8 * ceiling(500 * MBIT, loss), `goodput ${goodput / MBIT}`);
    // Of 260 MB the start, which looks twice for the limit, is a hundredth.
    assert.ok(wire < 1.04 / (1 - loss) + 0.075, `wire ${wire}`);
    const queue = session.forward.queueing.slice(session.forward.queueing.length / 2);
    queue.sort((a, b) => a - b);
    assert.ok((queue[Math.floor(queue.length * 0.95)] ?? 0) < 30, "standing queue");
  });
}

test("20 % loss in both directions and 200 ms: half a second per lost round, no more", () => {
  const lossy = { delayMs: 100, loss: 0.2 };
  const { goodput } = run({ forward: { ...lossy, bitsPerSecond: 100 * MBIT }, backward: lossy });
  assert.ok(goodput > 0.75 * ceiling(100 * MBIT, 0.2), `goodput ${goodput / MBIT}`);
});

test("a rise that a busy receiver ended too soon is followed by another", () => {
  let told = 0;
  run({
    forward: { bitsPerSecond: 500 * MBIT, delayMs: 100, loss: 0.2 },
    records: 60,
    onStep: ({ nowMs, forward, rate }) => {
      // For a tenth of a second, while it rises, everything takes longer and longer.
      const slow = nowMs >= 200 && nowMs < 300;
      forward.conditions = { ...forward.conditions, delayMs: slow ? nowMs - 100 : 100 };
      if (nowMs === 1500) told = (rate.capacityBytesPerSecond * 8) / MBIT;
    },
  });
  assert.ok(told > 400, `${told} Mbit/s after 1.5 s`);
});

test("a slow link is not flooded, a capped one not used beyond its cap", () => {
  const slow = run({ forward: { bitsPerSecond: 10 * MBIT, delayMs: 25 }, records: 10 });
  assert.ok(slow.goodput > 0.9 * ceiling(10 * MBIT, 0));
  const capped = run({
    ...{ forward: { delayMs: 10 }, capBitsPerSecond: 80 * MBIT, records: 20 },
  });
  const sent = (capped.session.forward.sentBytes * 8000) / capped.doneMs;
  assert.ok(sent < 81 * MBIT && sent > 70 * MBIT, `sent at ${sent / MBIT}`);
});

test("a slow link that loses is met once too fast, and not for ever", () => {
  for (const jitterMs of [0, 3]) {
    const forward = { bitsPerSecond: 16 * MBIT, delayMs: 50, loss: 0.01, jitterMs };
    const { session } = run({ forward, records: 23 });
    // Two round trips of the start's 64 Mbit/s and what these make of the estimate; then a hundredth.
    assert.ok(session.sender.bytesResent < 3.5e6, `${session.sender.bytesResent} bytes twice`);
  }
});

test("the first bursts tell a fast link from a slow one within two round trips", () => {
  for (const [mbit, least, most] of [
    [500, 200, 520],
    [20, 10, 64],
  ] as const) {
    let seen = 0;
    run({
      forward: { bitsPerSecond: mbit * MBIT, delayMs: 100 },
      records: 20,
      onStep: ({ nowMs, rate }) => {
        if (nowMs === 400) seen = (rate.pacingBytesPerSecond * 8) / MBIT;
      },
    });
    assert.ok(seen >= least && seen <= most, `${seen} on a link of ${mbit}`);
  }
});

test("a link that lets bursts pass, and is slow then, is not flooded for long", () => {
  let seen = 0;
  run({
    forward: { bitsPerSecond: 2000 * MBIT, delayMs: 50 },
    records: 10,
    onStep: ({ nowMs, forward, rate }) => {
      if (nowMs === 90) forward.conditions = { ...forward.conditions, bitsPerSecond: 50 * MBIT };
      if (nowMs === 600) seen = (rate.pacingBytesPerSecond * 8) / MBIT;
    },
  });
  assert.ok(seen < 80, `${seen} on a link of 50`);
});

test("a link that changes its rate is followed within ten round trips", () => {
  const seen: Record<number, number> = {};
  run({
    forward: { bitsPerSecond: 500 * MBIT, delayMs: 40, loss: 0.001 },
    ...{ records: 400 },
    onStep: ({ nowMs, forward, rate }) => {
      const low = nowMs >= 2000 && nowMs < 4000;
      if (nowMs === 2000 || nowMs === 4000) {
        forward.conditions = { ...forward.conditions, bitsPerSecond: (low ? 200 : 500) * MBIT };
      }
      seen[nowMs] = (rate.capacityBytesPerSecond * 8) / MBIT;
    },
  });
  for (const [at, rate] of [
    [1900, 500],
    [2800, 200],
    [4800, 500],
  ] as const) {
    assert.ok(Math.abs((seen[at] ?? 0) / rate - 1) < 0.15, `at ${at}: ${seen[at]}, not ${rate}`);
  }
});

test("a tail that is lost costs about a round trip, not a timeout", () => {
  const forward = { bitsPerSecond: 100 * MBIT, delayMs: 50 };
  let cut = 0;
  const { doneMs } = run({
    ...{ forward, records: 2, recordBytes: 100_000 },
    onStep: ({ nowMs, sender, forward: link }) => {
      // Once all is sent the network loses what is on its way for 20 ms.
      if (!cut && sender.backlog === 0 && nowMs > 0) cut = nowMs;
      const lost = cut > 0 && nowMs < cut + 5;
      link.conditions = { ...forward, loss: lost ? 1 : 0 };
    },
  });
  assert.ok(doneMs < cut + 100 + 2.5 * 100, `done ${doneMs}, tail lost at ${cut}`);
});

test("a path that is dead for a minute is survived", () => {
  const forward = { bitsPerSecond: 100 * MBIT, delayMs: 20 };
  const { doneMs } = run({
    ...{ forward, records: 40, limitMs: 80_000 },
    onStep: ({ nowMs, forward: there, backward }) => {
      const loss = nowMs > 300 && nowMs < 60_300 ? 1 : 0;
      there.conditions = { ...forward, loss };
      backward.conditions = { delayMs: 20, loss };
    },
  });
  assert.ok(doneMs < 64_000, `done ${doneMs}`);
});

for (const loss of [0, 0.05]) {
  test(`a path that becomes narrower is noticed in seconds, and all arrives; ${loss * 100} % loss`, () => {
    const forward = { bitsPerSecond: 100 * MBIT, delayMs: 20, loss };
    let narrowMs = 0;
    const { doneMs, session } = run({
      ...{ forward, records: 60, fragmentBytes: 8950 },
      onStep: ({ nowMs, sender, forward: there }) => {
        if (nowMs >= 1000) there.conditions = { ...forward, largestBytes: 1300 };
        if (sender.fragmentBytes < 8950) narrowMs ||= nowMs;
      },
    });
    assert.ok(narrowMs > 2000 && narrowMs < 4500, `noticed at ${narrowMs}`);
    assert.ok(doneMs < 9000, `done ${doneMs}`);
    assert.equal(session.damaged, 0);
  });
}

test("neither a dead path nor an idle one is taken for a narrow one", () => {
  const forward = { bitsPerSecond: 100 * MBIT, delayMs: 20 };
  const dead = run({
    ...{ forward, records: 40, limitMs: 30_000 },
    onStep: ({ nowMs, forward: there, backward }) => {
      const loss = nowMs > 300 && nowMs < 20_300 ? 1 : 0;
      there.conditions = { ...forward, loss };
      backward.conditions = { delayMs: 20, loss };
    },
  });
  assert.equal(dead.session.sender.fragmentBytes, 1450);
  const idle = run({ forward, records: 3, recordsPerSecond: 0.2 });
  assert.equal(idle.session.sender.fragmentBytes, 1450);
});

test("the receiver knows the loss of the path as the sender does", () => {
  for (const loss of [0, 0.1]) {
    const { session } = run({ forward: { bitsPerSecond: 100 * MBIT, delayMs: 20, loss } });
    assert.ok(Math.abs(session.receiver.lossRatio - loss) < 0.03, `${session.receiver.lossRatio}`);
  }
});

test("a slow destination disk slows the sender down, without loss and without end", () => {
  const forward = { bitsPerSecond: 500 * MBIT, delayMs: 10 };
  const { session, wire } = run({ forward, records: 400, writeMs: 2000 });
  assert.ok(wire < 1.06, `wire ${wire}`);
  assert.equal(session.damaged, 0);
});

test("a slow source leaves the estimate of the link alone", () => {
  const { session } = run({
    forward: { bitsPerSecond: 500 * MBIT, delayMs: 20 },
    ...{ records: 100, recordsPerSecond: 20 },
  });
  assert.ok(session.rate.capacityBytesPerSecond * 8 > 90 * MBIT);
  assert.ok(session.forward.sentBytes < 100 * RECORD_BYTES * 1.08);
});

test("a report about what was never sent is a lie, and ends the session", () => {
  const rate = new RateController();
  const ring = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
  const sender = new SenderCore({ ring, mark: { tag: 1, secret: 2 }, rate, onConfirmed: () => {} });
  const lie = { holdMs: 0, arrivedAtMs: 0, receivedBytes: 0, confirmed: new Uint8Array(20) };
  const code = { code: "protocol" };
  assert.throws(() => sender.onReport({ ...lie, highest: 0, base: 0, runs: [1] }, 0), code);
  sender.offer(0, 3000);
  sender.fill(Buffer.alloc(60_000), 0);
  assert.throws(() => sender.onReport({ ...lie, highest: 9, base: 0, runs: [1] }, 0), code);
  assert.throws(() => sender.onReport({ ...lie, highest: 0, base: 2, runs: [1] }, 0), code);
  sender.onReport({ ...lie, highest: 0, base: 0, runs: [2 ** 27, 5, 2 ** 27] }, 0);
});

test("no fragment moves a receiver beyond its window or out of its ring", () => {
  const ring = Buffer.alloc(WINDOW_RECORDS * SEALED_BYTES_MAX);
  const mark = { tag: 1, secret: 2 };
  const receiver = new ReceiverCore({ ring, mark, onRecord: () => {} });
  const rate = new RateController();
  const sender = new SenderCore({ ring, mark, rate, onConfirmed: () => {} });
  for (const record of [0, 1, WINDOW_RECORDS, 2 ** 32 - 1]) sender.offer(record, 100);
  const batch = Buffer.alloc(2000);
  sender.fill(batch, 0);
  assert.equal(receiver.onFragment(batch, 0, 0), 122);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 300 }), (bytes) => {
      assert.equal(receiver.onFragment(Buffer.from(bytes), 0, 0), 0);
    }),
  );
  assert.equal(receiver.base, 0);
});
