/** How the control channel is made, and made again, over real sockets on 127.0.0.1. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, test } from "node:test";
import { openControl } from "../../../tsunami/sealed/control.ts";
import { CONNECTIONS_MAX, WAITS } from "../../../tsunami/sealed/limits.ts";
import { runSession } from "../../../tsunami/sealed/session.ts";
import { callTls, EvilPeer } from "../../support/evil-peer.ts";
import { freePort, makeSessionPair } from "../../support/loopback-sessions.ts";

const address = "127.0.0.1";
const psk = randomBytes(32);
const options = { psk, pskIdentity: "amicopy-test-1", localAddress: address };
const signal = new AbortController().signal;

/** A caller at TCP only, as soon as somebody listens. */
async function callTcp(port: number) {
  for (;;) {
    const socket = connect(port, address);
    const [failed] = await Promise.race([once(socket, "connect"), once(socket, "error")]).catch(
      (error: unknown) => [error],
    );
    if (!failed) return socket.on("error", () => {});
    await new Promise(setImmediate);
  }
}

test("a handshake that the network broke or kept too long is not blamed on the key", async () => {
  const port = await freePort();
  const waits = { ...WAITS, connectMs: 900, handshakeMs: 200 };
  const listening = openControl({ ...options, listens: true, port }, waits, signal);
  listening.catch(() => {});
  const silent = await callTcp(port);
  const broken = await callTcp(port);
  broken.resetAndDestroy();
  await once(silent, "close");
  await assert.rejects(listening, { code: "peer-unreachable", message: /no peer on port/ });
});

test("strangers that say nothing keep nobody out for longer than a handshake may take", async () => {
  const port = await freePort();
  const waits = { ...WAITS, handshakeMs: 300 };
  const listening = openControl({ ...options, listens: true, port }, waits, signal);
  const strangers = [await callTcp(port)];
  while (strangers.length < CONNECTIONS_MAX) strangers.push(await callTcp(port));
  const calling = { ...options, listens: false, peerAddress: address, port };
  const ends = await Promise.all([listening, openControl(calling, WAITS, signal)]);
  for (const stranger of strangers) stranger.destroy();
  await Promise.all(ends.map((end) => end.end()));
});

test("who has another key, and who comes for another transfer, is refused as that", async () => {
  for (const wrong of [{ psk: randomBytes(32) }, { pskIdentity: "another" }]) {
    const port = await freePort();
    const waits = { ...WAITS, connectMs: 1500 };
    const listening = openControl({ ...options, listens: true, port }, waits, signal);
    const calling = { ...options, ...wrong, listens: false, peerAddress: address, port };
    const refused = { code: "peer-refused", message: /has another key or transfer/ };
    await Promise.all([
      assert.rejects(listening, { code: "peer-refused", message: /1 callers without our key/ }),
      assert.rejects(openControl(calling, waits, signal), refused),
    ]);
  }
});

test("the listener listens again at once, though the connection before does not close", async () => {
  const pair = await makeSessionPair();
  after(() => pair.remove());
  pair.addVolume([randomBytes(1000)]);
  const stop = new AbortController();
  const session = runSession({ ...pair.options("receiver", false), signal: stop.signal });
  const stopped = assert.rejects(session, { code: "stopped" });
  // Across a path that dies, and brings nobody the end of a connection.
  const path = createServer({ allowHalfOpen: true }, (caller) => {
    const called = connect({ port: pair.port, host: address, allowHalfOpen: true });
    caller.pipe(called, { end: false }).pipe(caller, { end: false });
    called.on("error", () => caller.destroy());
    ends.push(
      caller.on("error", () => {}),
      called,
    );
  });
  const ends: Socket[] = [];
  await once(path.listen(0, address), "listening");
  const { port } = path.address() as AddressInfo;
  const first = await callTls({ ...pair, port });
  const peer = new EvilPeer(first, createSocket("udp4"), { port: pair.port, role: "sender" });
  await peer.greet(pair);
  for (const socket of ends) socket.unpipe();
  const second = await callTls(pair);
  await once(second, "data");
  const replacedAt = performance.now();
  const third = await callTls(pair);
  const waitedMs = performance.now() - replacedAt;
  stop.abort();
  for (const socket of [second, third, ...ends]) socket.on("error", () => {}).destroy();
  path.close();
  peer.close();
  await stopped;
  assert.ok(waitedMs < 1500, `nobody listened for ${waitedMs} ms`);
});
