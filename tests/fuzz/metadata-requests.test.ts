/** localcloud's metadata service: any bytes of a machine's programs at its port, any path, any token. */

import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { after, test } from "node:test";
import fc from "fast-check";
import { startMetadataService } from "../../localcloud/machines/metadata-service.ts";
import { metadataTree } from "../../localcloud/machines/metadata-tree.ts";
import { freeAddress, metadataOf } from "../localcloud/machines/booted.ts";
import { fuzz, mutated } from "../support/fuzz.ts";

const address = freeAddress();
const tree = metadataTree(metadataOf(address), {
  userData: Buffer.from("#!/bin/sh\n"),
  deviceNames: ["/dev/xvda", "/dev/sdf"],
  launchedAt: "2026-11-23T10:00:00Z",
});
const service = await startMetadataService(address, () => tree);
after(() => service.close());

const { hostname, port } = new URL(service.endpoint);
const ask = (method: string, path: string, headers: Record<string, string>) =>
  fetch(`${service.endpoint}${path}`, { method, headers, signal: AbortSignal.timeout(20_000) });
const TTL = { "x-aws-ec2-metadata-token-ttl-seconds": "600" };
const token = await (await ask("PUT", "/latest/api/token", TTL)).text();

const word = fc.constantFrom(
  ..."latest 2021-03-23 1.0 meta-data user-data dynamic tags instance amicopy:run network".split(
    " ",
  ),
  ..."instance-id interfaces macs block-device-mapping .. . %2e%2e __proto__ constructor".split(
    " ",
  ),
  ..."toString valueOf api token %00 %ff".split(" "),
);
const path = fc
  .array(fc.oneof({ weight: 5, arbitrary: word }, fc.webSegment()), { maxLength: 7 })
  .map((words) => `/${words.join("/")}`);

test("any path is something of the instance or not found, never a failure", async (t) => {
  const property = fc.asyncProperty(path, async (given) => {
    const answer = await ask("GET", given, { "x-aws-ec2-metadata-token": token });
    const text = await answer.text();
    assert.ok([200, 404].includes(answer.status), `${answer.status} ${text}`);
    assert.doesNotMatch(text, /native code|\[object/);
  });
  await fuzz(t, property, 400);
});

test("nothing is told without a token of this instance, whatever stands in its place", async (t) => {
  const other = mutated(Buffer.from(token)).map((bytes) => {
    return bytes.toString("latin1").replace(/[^\x21-\x7e]/g, "x");
  });
  // Base64 has several spellings of the same bytes; those are the token.
  const bytesOf = (text: string) =>
    text
      .split(".")
      .slice(0, 2)
      .map((one) => Buffer.from(one, "base64url"));
  const property = fc.asyncProperty(path, other, async (given, wrong) => {
    if (String(bytesOf(wrong)) === String(bytesOf(token))) return;
    const answer = await ask("GET", given, { "x-aws-ec2-metadata-token": wrong });
    await answer.text();
    assert.equal(answer.status, 401);
  });
  await fuzz(t, property, 200);
});

test("any bytes get an answer or a closed connection, and it serves on", async (t) => {
  const whole = Buffer.from(
    `GET /latest/meta-data/ HTTP/1.1\r\nhost: x\r\nx-aws-ec2-metadata-token: ${token}\r\n\r\n`,
  );
  const property = fc.asyncProperty(mutated(whole), async (bytes) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = createConnection(Number(port), hostname, () => socket.end(bytes));
    socket
      .on("error", () => {})
      .on("close", () => resolve())
      .resume();
    await promise;
  });
  await fuzz(t, property, 200);
  const answer = await ask("GET", "/latest/meta-data/", { "x-aws-ec2-metadata-token": token });
  assert.equal(answer.status, 200);
});
