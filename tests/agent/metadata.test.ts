/** The metadata client against a service of the test's own, which can misbehave. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, test } from "node:test";
import { Metadata } from "../../agent/metadata.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<Metadata> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return new Metadata(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`);
}

function tokenOf(request: IncomingMessage): string | undefined {
  return request.headers["x-aws-ec2-metadata-token"] as string | undefined;
}

test("a value is read with a session token, and the token is used again", async () => {
  const seen: string[] = [];
  const metadata = await serve((request, response) => {
    seen.push(`${request.method} ${request.url} ${tokenOf(request) ?? ""}`);
    if (request.method === "PUT") {
      assert.equal(request.headers["x-aws-ec2-metadata-token-ttl-seconds"], "21600");
    }
    response.end(request.method === "PUT" ? "secret" : "10.0.0.1");
  });
  assert.equal(await metadata.read("local-ipv4"), "10.0.0.1");
  assert.equal(await metadata.read("local-ipv4"), "10.0.0.1");
  assert.deepEqual(seen, [
    "PUT /latest/api/token ",
    "GET /latest/meta-data/local-ipv4 secret",
    "GET /latest/meta-data/local-ipv4 secret",
  ]);
});

test("an expired token is renewed without a word", async () => {
  let valid = "one";
  const metadata = await serve((request, response) => {
    if (request.method === "PUT") return response.end(valid);
    response.statusCode = tokenOf(request) === valid ? 200 : 401;
    response.end("value");
  });
  assert.equal(await metadata.read("x"), "value");
  valid = "two";
  assert.equal(await metadata.read("x"), "value");
});

test("what is not there is undefined", async () => {
  const metadata = await serve((request, response) => {
    response.statusCode = request.method === "PUT" ? 200 : 404;
    response.end("x");
  });
  assert.equal(await metadata.read("tags/instance/amicopy:peer"), undefined);
});

test("a service that refuses every token is an error, not a loop", async () => {
  let requests = 0;
  const metadata = await serve((request, response) => {
    requests++;
    response.statusCode = request.method === "PUT" ? 403 : 401;
    response.end();
  });
  await assert.rejects(metadata.read("x"), /HTTP 401/);
  assert.equal(requests, 2);
});

test("an answer without end is cut off", async () => {
  const metadata = await serve((request, response) => {
    if (request.method === "PUT") return response.end("token");
    const flood = () => {
      while (response.write("x".repeat(1024)) && !response.destroyed);
    };
    response.on("drain", flood);
    flood();
  });
  await assert.rejects(metadata.read("x"), /too long/);
});

test("a connection that breaks is an error", async () => {
  const metadata = await serve((request) => request.socket.destroy());
  await assert.rejects(metadata.read("x"));
});

test("a silent service is given up after two seconds", async () => {
  const metadata = await serve(() => {});
  const startMs = performance.now();
  await assert.rejects(metadata.read("x"));
  assert.ok(performance.now() - startMs < 10_000);
});
