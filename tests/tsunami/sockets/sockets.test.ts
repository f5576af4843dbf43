/** Both sockets, and a network in memory, with the same tests. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket, Socket } from "node:dgram";
import { test } from "node:test";
import fc from "fast-check";
import type { DatagramSocket } from "../../../tsunami/sockets/datagram-socket.ts";
import { transferOver } from "../../support/core-over-sockets.ts";
import { fuzz } from "../../support/fuzz.ts";
import { GROUNDS, type Ground, missing } from "../../support/grounds.ts";

const address = "127.0.0.1";
const MBIT = 1e6;

/** Waits until a condition holds, a few seconds at most. */
async function until(ground: Ground, holds: () => boolean): Promise<void> {
  for (const end = ground.nowMs() + 5000; !holds() && ground.nowMs() < end; ) await ground.step();
}

for (const kind of ["plain", "batched", "memory"] as const) {
  const skip = missing(kind);
  const ground = GROUNDS[kind]();
  const { open } = ground;

  test(`${kind}: batches of any shape arrive byte for byte`, { skip }, async () => {
    let arrived = Buffer.alloc(0);
    const from: number[] = [];
    const receiver = await open({ port: 0, address }, (batch, port) => {
      arrived = Buffer.concat([arrived, batch]);
      from.push(port);
    });
    const sender = await open({ port: 0, address }, () => {});
    try {
      let expected = Buffer.alloc(0);
      for (const [bytes, segmentBytes] of [
        [1472 * 40, 1472],
        [100, 100],
        [1472 * 3 + 7, 1472],
        [8472, 8472],
        [8472 * 7 + 1, 8472],
        [1000 * 5, 1000],
        [60, 60],
      ] as const) {
        const batch = randomBytes(bytes);
        expected = Buffer.concat([expected, batch]);
        assert.ok(sender.send(batch, segmentBytes, receiver.port, address));
        batch.fill(0); // The caller may reuse it at once.
        await until(ground, () => arrived.length >= expected.length);
        assert.ok(arrived.equals(expected), `${bytes} bytes in segments of ${segmentBytes}`);
      }
      assert.ok(from.every((port) => port === sender.port));
    } finally {
      sender.close();
      receiver.close();
    }
  });

  test(`${kind}: a port in use is an error, a closed socket says no more`, { skip }, async () => {
    const first = await open({ port: 0, address }, () => {});
    await assert.rejects(open({ port: first.port, address }, () => {}));
    first.close();
    first.close();
    assert.equal(first.send(Buffer.alloc(10), 10, 9, address), false);
  });

  test(`${kind}: nobody listening there is the network's loss`, { skip }, async () => {
    const gone = await open({ port: 0, address }, () => {});
    gone.close();
    const sender: DatagramSocket = await open({ port: 0, address }, () => {});
    for (let count = 0; count < 3; count += 1) {
      sender.send(Buffer.alloc(3000), 1000, gone.port, address);
      await ground.step();
    }
    sender.close();
  });

  test(`${kind}: all arrives over links that lose, reorder, repeat, bend and delay`, {
    skip,
  }, async (t) => {
    const conditions = fc.record({
      bitsPerSecond: fc.constantFrom(50 * MBIT, 200 * MBIT),
      delayMs: fc.integer({ min: 0, max: 40 }),
      loss: fc.constantFrom(0, 0.01, 0.1),
      burst: fc.constantFrom(1, 8),
      duplicate: fc.constantFrom(0, 0.05),
      // Of 75 fragments: a fifth of all records is torn. More, and one may be so 16 times, which ends it.
      corrupt: fc.constantFrom(0, 0.003),
      jitterMs: fc.constantFrom(0, 5),
      queueMs: fc.constantFrom(10, 50),
    });
    const transfers = fc.asyncProperty(
      ...([fc.integer(), conditions, conditions] as const),
      async (seed, forward, backward) => {
        const transfer = { seed, forward, backward, records: 8, recordBytes: 90_000 };
        const { done } = await transferOver(GROUNDS[kind](), { ...transfer, limitMs: 20_000 });
        assert.ok(done);
      },
    );
    await fuzz(t, transfers, kind === "memory" ? 60 : 6);
  });
}

test("batched: a kernel that takes the option and refuses the batches gets them one by one", {
  skip: missing("batched"),
}, async (t) => {
  const ground = GROUNDS.batched();
  let arrived = 0;
  const receiver = await ground.open({ port: 0, address }, (batch) => {
    arrived += batch.length;
  });
  const sender = await ground.open({ port: 0, address }, () => {});
  type Send = (
    bytes: Buffer,
    port: number,
    to: string,
    sent: (error: Error | null) => void,
  ) => void;
  const send = Socket.prototype.send as Send;
  let refused = 0;
  const refuse: Send = function (this: Socket, bytes, port, to, sent) {
    if (bytes.length <= 1000) return send.call(this, bytes, port, to, sent);
    refused += 1;
    process.nextTick(sent, new Error("send EIO"));
  };
  t.mock.method(Socket.prototype, "send", refuse as Socket["send"]);
  try {
    sender.send(randomBytes(5000), 1000, receiver.port, address);
    await ground.step();
    sender.send(randomBytes(4100), 1000, receiver.port, address);
    await until(ground, () => arrived >= 4100);
    assert.deepEqual({ refused, arrived }, { refused: 1, arrived: 4100 });
  } finally {
    sender.close();
    receiver.close();
  }
});

test("batched: after one long datagram a short batch is still cut into its segments", {
  skip: missing("batched"),
}, async () => {
  const ground = GROUNDS.batched();
  const lengths: number[] = [];
  const receiver = createSocket("udp4", ({ length }) => lengths.push(length));
  await new Promise<void>((bound) => receiver.bind(0, address, bound));
  const sender = await ground.open({ port: 0, address }, () => {});
  try {
    const { port } = receiver.address();
    sender.send(randomBytes(9000), 1200, port, address);
    sender.send(randomBytes(8000), 8000, port, address);
    sender.send(randomBytes(3000), 1200, port, address);
    await until(ground, () => lengths.length >= 12);
    assert.deepEqual(lengths.slice(8), [8000, 1200, 1200, 600]);
  } finally {
    sender.close();
    receiver.close();
  }
});
