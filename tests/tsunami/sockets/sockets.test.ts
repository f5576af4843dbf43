/** Both sockets, with the same tests. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { openBatchedSocket } from "../../../tsunami/sockets/batched-socket.ts";
import type { DatagramSocket } from "../../../tsunami/sockets/datagram-socket.ts";
import { openPlainSocket } from "../../../tsunami/sockets/plain-socket.ts";

const address = "127.0.0.1";
const kinds = { plain: openPlainSocket, batched: openBatchedSocket } as const;
const hasBatches = process.platform === "linux" && process.versions.node.startsWith("26.");

/** Waits until a condition holds, a few seconds at most. */
async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 5000; !holds() && performance.now() < end; ) {
    await new Promise(setImmediate);
  }
}

for (const [kind, open] of Object.entries(kinds)) {
  const skip = kind === "batched" && !(hasBatches && existsSync("/proc"));

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
        await until(() => arrived.length >= expected.length);
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
      await new Promise(setImmediate);
    }
    sender.close();
  });
}
