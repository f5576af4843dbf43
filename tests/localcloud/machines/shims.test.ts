import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ShutdownPlan } from "../../../localcloud/machines/power-switch.ts";
import type { NodeSupply } from "../../../localcloud/machines/shims.ts";
import { boot, finishedConsole, scriptLines, temporaryDirectory } from "./booted.ts";

/** Runs each command and gives its exit code and what it said. */
async function outcomes(
  t: Parameters<typeof boot>[0],
  node: NodeSupply,
  commands: readonly string[],
): Promise<string[]> {
  const tries = commands.map((command) => `out=$(${command} 2>&1); echo "=$? $(echo $out)"`);
  const machine = await boot(t, `#!/bin/sh\n${tries.join("\n")}\n`, { node });
  const lines = scriptLines(await finishedConsole(machine));
  return lines.filter((line) => line.startsWith("=")).map((line) => line.slice(1));
}

test("node is there at once when it is to be present", async (t) => {
  const [version] = await outcomes(t, "present", ["node --version"]);
  assert.equal(version, `0 ${process.version}`);
});

test("without it there is none, until dnf has installed the distribution's", async (t) => {
  const [before, unknown, half, install, node, named] = await outcomes(t, "package", [
    "node --version",
    "dnf install -y nodejs22",
    "node --version",
    "dnf install -y -q nodejs26",
    "node --version",
    "node-26 --version",
  ]);
  assert.match(before ?? "", /^127 /);
  assert.match(unknown ?? "", /^1 .*Unable to find a match: nodejs22/);
  assert.match(half ?? "", /^127 /);
  assert.match(install ?? "", /^0 .*Complete!/);
  assert.equal(node, `0 ${process.version}`);
  assert.equal(named, `0 ${process.version}`);
});

test("on a machine of the tarball way dnf reaches nothing", async (t) => {
  const [install, node] = await outcomes(t, "tarball", ["dnf install -y nodejs26", "node -v"]);
  assert.match(install ?? "", /^1 .*Failed to download metadata/);
  assert.match(node ?? "", /^127 /);
});

test("curl fetches files and loopback addresses, and nothing else", async (t) => {
  const server = createServer((request, response) => {
    if (request.url === "/moved") response.writeHead(302, { Location: "/here" }).end();
    else if (request.url === "/away") response.writeHead(302, { Location: "http://a.test/" }).end();
    else if (request.url === "/here") response.end(`${request.method} ${request.headers["x-a"]}`);
    else response.writeHead(404).end("no such thing");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = join(await temporaryDirectory(t), "a file");
  await writeFile(file, "of bytes");
  const results = await outcomes(t, "present", [
    `curl -fsSL --retry 3 --connect-timeout 20 ${base}/moved -H 'X-A: b' -X PUT`,
    `curl -fsS -o got 'file://${file}' && cat got`,
    `curl -fsSL ${base}/nothing`,
    `curl -sS ${base}/nothing`,
    `curl -fsSL ${base}/away`,
    "curl -fsSL https://nodejs.org/dist/index.json",
    "curl -fsSL https://127.0.0.1/",
    "curl -fsS http://127.0.0.1:1/",
    "curl -fsS file:///nowhere/at/all",
    "curl --upload-file x http://127.0.0.1/",
  ]);
  const expected = [
    /^0 PUT b$/,
    /^0 of bytes$/,
    /^22 curl: \(22\) The requested URL returned error: 404$/,
    /^0 no such thing$/,
    /^6 .*Could not resolve host: a\.test/,
    /^6 .*Could not resolve host: nodejs\.org/,
    /^1 .*not supported/,
    /^7 .*Failed to connect to 127\.0\.0\.1 port 1/,
    /^37 .*Couldn't open file \/nowhere\/at\/all/,
    /^2 curl: \(2\)/,
  ];
  assert.equal(results.length, expected.length);
  for (const [index, pattern] of expected.entries()) assert.match(results[index] ?? "", pattern);
});

test("what would reach the host is refused or does nothing", async (t) => {
  const results = await outcomes(t, "present", [
    "sync",
    "udevadm settle --timeout=30",
    "sysctl -w net.core.rmem_max=67108864",
    "mount /dev/sdf x",
    "sudo id",
    "shutdown --help-me",
    "shutdown -P tomorrow",
    "shutdown -P +1",
    "shutdown -c",
  ]);
  assert.deepEqual(results, [
    "0 ",
    "0 ",
    "0 net.core.rmem_max = 67108864",
    "1 mount: not on a localcloud machine",
    "1 sudo: not on a localcloud machine",
    "1 shutdown: unrecognized option '--help-me'",
    "1 Failed to parse time specification: tomorrow",
    "0 Shutdown scheduled in 1 min, use 'shutdown -c' to cancel.",
    "0 ",
  ]);
});

test("a planned shutdown comes in its time, is replaced by a later one, and can be cancelled", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let count = 0;
  const plan = new ShutdownPlan(() => (count += 1));
  plan.request("poweroff 5");
  t.mock.timers.tick(4 * 60_000);
  plan.request("poweroff 2");
  plan.request("nonsense");
  plan.request("poweroff -1");
  t.mock.timers.tick(2 * 60_000 - 1);
  assert.equal(count, 0);
  plan.request("cancel");
  t.mock.timers.tick(10 * 60_000);
  assert.equal(count, 0);
  plan.request("poweroff 99999");
  t.mock.timers.tick(30_000 * 60_000);
  assert.equal(count, 1);
  plan.request("poweroff 0");
  assert.equal(count, 1);
});
